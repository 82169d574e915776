/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A VNC server that costs little: RFB 3.8 (RFC 6143), no screen.
 *
 *   vnc_server MODE... [-c CERTIFICATE_AND_KEY] [-r RECORDING]...
 *
 * Listens once for each MODE on 127.0.0.1 and prints the ports, in one line: "plain" (security None), "tls" (the same
 * inside of TLS), "vencrypt" (X509None). A KeyEvent is answered with an update of one pixel, whose value is the keysym,
 * a FramebufferUpdateRequest with an update of as many pixels as it asks for, or, if it is incremental, with the next
 * update of a recording (size in 4 bytes, big-endian, and so many bytes; again and again): the x of the request is its
 * number. All else is read and ignored.
 */

#define _GNU_SOURCE
#include "wire.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/uio.h>

enum mode { PLAIN, TLS, VENCRYPT, MODES };
static const char *const MODE_NAMES[MODES] = {"plain", "tls", "vencrypt"};

enum step { TLS_HANDSHAKE, VERSION, SECURITY, VENCRYPT_VERSION, VENCRYPT_SUBTYPE, CLIENT_INIT, MESSAGES };

/* What is sent at once is small enough not to keep the others waiting. */
enum { MAX_RECORDINGS = 4, MAX_UPDATES = 64, PIXELS_BYTES = 1 << 17, WRITES_AT_ONCE = 2, INPUT_BYTES = 1 << 17, HEADER_BYTES = 16,
       PIXEL_BYTES = 4 };

struct update {
    unsigned char header[HEADER_BYTES + PIXEL_BYTES];       /* of which the end is used */
    size_t header_left;
    const unsigned char *body;      /* NULL: pixels, all of them alike */
    size_t body_left;
};

struct viewer {
    struct wire wire;
    enum step step, after_tls;
    enum mode mode;
    unsigned char message[20];
    size_t message_size;
    uint64_t skip;                  /* of a long message */
    struct update *updates;         /* a ring, made when it is needed */
    unsigned first, count;
    const unsigned char *record;
    int wants_write;
};

static int poller;
static SSL_CTX *tls_context;
static unsigned char pixels[PIXELS_BYTES], input[INPUT_BYTES];
static struct { unsigned char *start, *end; } recordings[MAX_RECORDINGS];
static unsigned recording_count;
static const unsigned char SERVER_INIT[] =
    "\x02\x80\x01\xe0" "\x20\x18\x00\x01\x00\xff\x00\xff\x00\xff\x10\x08\x00\0\0\0" "\0\0\0\x07" "standin";

static void watch(struct viewer *viewer, int operation)
{
    struct epoll_event event = {.events = EPOLLIN | (viewer->wants_write ? EPOLLOUT : 0), .data.ptr = viewer};
    if (epoll_ctl(poller, operation, viewer->wire.fd, &event) < 0)
        die("epoll_ctl");
}

/* Send what is small; false at the end. */
static int answer(struct viewer *viewer, const void *data, size_t size)
{
    return wire_write(&viewer->wire, data, size) == (ssize_t)size;
}

static ssize_t send_part(struct viewer *viewer, struct update *update)
{
    const unsigned char *header = update->header + sizeof update->header - update->header_left;
    const unsigned char *body = update->body ? update->body : pixels;
    size_t body_size = update->body_left < sizeof pixels ? update->body_left : sizeof pixels;
    if (!update->header_left)
        return wire_write(&viewer->wire, body, body_size);
    if (viewer->wire.ssl) {
        unsigned char start[1 << 14];
        size_t size = update->header_left, rest = body_size;
        memcpy(start, header, size);
        if (rest > sizeof start - size)
            rest = sizeof start - size;
        memcpy(start + size, body, rest);
        return wire_write(&viewer->wire, start, size + rest);
    }
    struct iovec parts[2] = {{(void *)header, update->header_left}, {(void *)body, body_size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t sent = sendmsg(viewer->wire.fd, &message, MSG_NOSIGNAL);
    return sent >= 0 ? sent : errno == EAGAIN ? WIRE_BLOCKED : WIRE_FAILED;
}

/* Send what is taken now, up to a budget; false at the end. */
static int flush(struct viewer *viewer)
{
    for (int writes = 0; viewer->count && writes < WRITES_AT_ONCE; writes++) {
        struct update *update = &viewer->updates[viewer->first];
        ssize_t sent = send_part(viewer, update);
        if (sent == WIRE_FAILED)
            return 0;
        if (sent == WIRE_BLOCKED)
            break;
        size_t of_header = (size_t)sent < update->header_left ? (size_t)sent : update->header_left;
        size_t of_body = sent - of_header;
        update->header_left -= of_header;
        update->body_left -= of_body;
        if (update->body)
            update->body += of_body;
        if (!update->header_left && !update->body_left) {
            viewer->first = (viewer->first + 1) % MAX_UPDATES;
            viewer->count--;
        }
    }
    if (viewer->wants_write != (viewer->count > 0)) {
        viewer->wants_write = viewer->count > 0;
        watch(viewer, EPOLL_CTL_MOD);
    }
    return 1;
}

/* A FramebufferUpdate of one rectangle, Raw, at 0, 0. */
static void put_header(unsigned char *at, unsigned width, unsigned height)
{
    put16(at + 2, 1);
    put16(at + 8, width);
    put16(at + 10, height);
}

/* Return the place of a new update, all zero; NULL where there are too many. */
static struct update *next_update(struct viewer *viewer)
{
    if (!viewer->updates && !(viewer->updates = calloc(MAX_UPDATES, sizeof *viewer->updates)))
        die("calloc");
    if (viewer->count == MAX_UPDATES)
        return NULL;
    struct update *update = &viewer->updates[(viewer->first + viewer->count++) % MAX_UPDATES];
    return memset(update, 0, sizeof *update);
}

static int add_pixel(struct viewer *viewer, const unsigned char *value)
{
    struct update *update = next_update(viewer);
    if (!update)
        return 0;
    put_header(update->header, 1, 1);
    memcpy(update->header + HEADER_BYTES, value, PIXEL_BYTES);
    update->header_left = HEADER_BYTES + PIXEL_BYTES;
    return flush(viewer);
}

static int add_update(struct viewer *viewer, unsigned width, unsigned height, unsigned number)
{
    struct update *update = next_update(viewer);
    if (!update)
        return 0;
    if (number < recording_count) {
        if (!viewer->record || viewer->record == recordings[number].end)
            viewer->record = recordings[number].start;
        update->body_left = get32(viewer->record);
        update->body = viewer->record + 4;
        viewer->record = update->body + update->body_left;
    } else {
        put_header(update->header + PIXEL_BYTES, width, height);
        update->header_left = HEADER_BYTES;
        update->body_left = (size_t)width * height * PIXEL_BYTES;
    }
    return flush(viewer);
}

static size_t size_of_message(struct viewer *viewer)
{
    static const size_t sizes[] = {20, 0, 8, 10, 8, 6, 8};
    switch (viewer->step) {
    case TLS_HANDSHAKE:
        return 0;
    case VERSION:
        return 12;
    case VENCRYPT_VERSION:
        return 2;
    case VENCRYPT_SUBTYPE:
        return 4;
    case SECURITY:
    case CLIENT_INIT:
        return 1;
    default:
        if (!viewer->message_size)
            return 1;
        if (viewer->message[0] == 2 && viewer->message_size < 4)
            return 4;                           /* SetEncodings, whose length is in there */
        return viewer->message[0] < sizeof sizes / sizeof *sizes ? sizes[viewer->message[0]] : 0;
    }
}

static int take_message(struct viewer *viewer)
{
    const unsigned char *message = viewer->message;
    switch (viewer->step) {
    case VERSION:
        viewer->step = SECURITY;
        return viewer->mode == VENCRYPT ? answer(viewer, "\1\x13", 2) : answer(viewer, "\1\1", 2);
    case SECURITY:
        if (message[0] == 0x13) {
            viewer->step = VENCRYPT_VERSION;
            return answer(viewer, "\0\2", 2);
        }
        viewer->step = CLIENT_INIT;
        return answer(viewer, "\0\0\0\0", 4);
    case VENCRYPT_VERSION:
        viewer->step = VENCRYPT_SUBTYPE;
        return answer(viewer, "\0\1\0\0\x01\x04", 6);       /* X509None, 260 */
    case VENCRYPT_SUBTYPE:
        if (!answer(viewer, "\1", 1))
            return 0;
        wire_start_tls(&viewer->wire, tls_context);
        viewer->step = TLS_HANDSHAKE;
        viewer->after_tls = CLIENT_INIT;
        return 1;
    case CLIENT_INIT:
        viewer->step = MESSAGES;
        return answer(viewer, SERVER_INIT, sizeof SERVER_INIT - 1);
    default:
        break;
    }
    switch (message[0]) {
    case 2:                                     /* SetEncodings */
        viewer->skip = 4 * get16(message + 2);
        return 1;
    case 3:                                     /* FramebufferUpdateRequest */
        return add_update(viewer, get16(message + 6), get16(message + 8),
                          message[1] ? get16(message + 2) : MAX_RECORDINGS);
    case 4:                                     /* KeyEvent */
        return add_pixel(viewer, message + 4);
    case 6:                                     /* ClientCutText */
        viewer->skip = get32(message + 4);
        return 1;
    default:
        return 1;
    }
}

static int take(struct viewer *viewer, const unsigned char *data, size_t size)
{
    while (size) {
        if (viewer->skip) {
            size_t skipped = viewer->skip < size ? viewer->skip : size;
            viewer->skip -= skipped;
            data += skipped;
            size -= skipped;
            continue;
        }
        size_t whole = size_of_message(viewer);
        if (!whole || whole > sizeof viewer->message)
            return 0;
        size_t part = whole - viewer->message_size < size ? whole - viewer->message_size : size;
        memcpy(viewer->message + viewer->message_size, data, part);
        viewer->message_size += part;
        data += part;
        size -= part;
        int is_set_encodings = viewer->step == MESSAGES && viewer->message[0] == 2;
        if (viewer->message_size < whole ||
                (viewer->step == MESSAGES && viewer->message_size == 1 && whole == 1) ||
                (is_set_encodings && viewer->message_size < 4))
            continue;
        viewer->message_size = 0;
        if (!take_message(viewer))
            return 0;
    }
    return 1;
}

/* Go on with the TLS handshake; false at the end. */
static int shake_hands(struct viewer *viewer)
{
    int result = SSL_accept(viewer->wire.ssl);
    if (result != 1)
        return wire_result(&viewer->wire, result) == WIRE_BLOCKED;
    viewer->step = viewer->after_tls;
    return viewer->step == VERSION ? answer(viewer, "RFB 003.008\n", 12) : answer(viewer, "\0\0\0\0", 4);
}

/* Do what can be done; false at the end. */
static int serve(struct viewer *viewer)
{
    if (viewer->count && !flush(viewer))
        return 0;
    for (;;) {
        if (viewer->step == TLS_HANDSHAKE) {
            if (!shake_hands(viewer))
                return 0;
            if (viewer->step == TLS_HANDSHAKE)
                return 1;
        }
        /* During the handshake no more than the message, since TLS may start behind it. */
        size_t room = viewer->step < MESSAGES ? size_of_message(viewer) - viewer->message_size : sizeof input;
        ssize_t got = wire_read(&viewer->wire, input, room);
        if (got == WIRE_BLOCKED)
            return 1;
        if (got <= 0 || !take(viewer, input, got))
            return 0;
        if (viewer->step == MESSAGES && !viewer->wire.ssl && got < (ssize_t)sizeof input)
            return 1;
    }
}

static void end(struct viewer *viewer)
{
    wire_close(&viewer->wire);
    free(viewer->updates);
    free(viewer);
}

static void accept_all(int listener, enum mode mode)
{
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct viewer *viewer = calloc(1, sizeof *viewer);
        if (!viewer)
            die("calloc");
        set_no_delay(fd);
        viewer->wire.fd = fd;
        viewer->mode = mode;
        viewer->step = VERSION;
        watch(viewer, EPOLL_CTL_ADD);
        if (mode == TLS) {
            wire_start_tls(&viewer->wire, tls_context);
            viewer->step = TLS_HANDSHAKE;
            viewer->after_tls = VERSION;
        } else if (!answer(viewer, "RFB 003.008\n", 12)) {
            end(viewer);
        }
    }
}

static void read_recording(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END))
        die(path);
    long size = ftell(file);
    rewind(file);
    unsigned char *recording = malloc(size);
    if (!recording || recording_count == MAX_RECORDINGS || fread(recording, 1, size, file) != (size_t)size)
        die(path);
    fclose(file);
    recordings[recording_count].start = recording;
    recordings[recording_count++].end = recording + size;
}

static int listen_somewhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (void *)&address, sizeof address) || listen(listener, 4096) ||
            getsockname(listener, (void *)&address, &size))
        die("listen");
    printf("%d ", ntohs(address.sin_port));
    return listener;
}

int main(int argc, char **argv)
{
    const char *certificate = NULL;
    int option;
    while ((option = getopt(argc, argv, "c:r:")) != -1) {
        if (option == 'c')
            certificate = optarg;
        else if (option == 'r')
            read_recording(optarg);
        else
            return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (certificate) {
        tls_context = SSL_CTX_new(TLS_server_method());
        if (SSL_CTX_use_certificate_chain_file(tls_context, certificate) != 1 ||
                SSL_CTX_use_PrivateKey_file(tls_context, certificate, SSL_FILETYPE_PEM) != 1)
            die(certificate);
    }
    poller = epoll_create1(EPOLL_CLOEXEC);
    int listeners[MODES];
    for (int mode = 0; mode < MODES; mode++) {
        listeners[mode] = -1;
        for (int i = optind; i < argc; i++)
            if (!strcmp(argv[i], MODE_NAMES[mode])) {
                listeners[mode] = listen_somewhere();
                struct epoll_event event = {.events = EPOLLIN, .data.ptr = &listeners[mode]};
                epoll_ctl(poller, EPOLL_CTL_ADD, listeners[mode], &event);
            }
    }
    puts("");
    fflush(stdout);
    struct epoll_event events[256];
    for (;;) {
        int count = epoll_wait(poller, events, 256, -1);
        for (int i = 0; i < count; i++) {
            int *listener = events[i].data.ptr;
            if (listener >= listeners && listener < listeners + MODES)
                accept_all(*listener, listener - listeners);
            else if (!serve(events[i].data.ptr))
                end(events[i].data.ptr);
        }
    }
}
