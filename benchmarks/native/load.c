/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Browsers that look at nothing: RFB 3.8 over WebSockets, or bare, and over TLS where wanted. One epoll loop.
 *
 *   load setups    opens sessions, so many at a time, and ends each once it is there
 *   load idle      has sessions open
 *   load keys      in each session: a key press, its answer, the next one
 *   load down      in each session: asks for updates of 1 MiB, four at once
 *   load up        in each session: sends as much as is taken
 *   load replay    in each session: asks for the updates of a recording, one after the other
 *
 *   -p PORT  -n SESSIONS  -s SECONDS
 *   -u PATHS     speak WebSocket; a file with a path in each line, used in turn. Without it, bare RFB
 *   -t           TLS    -r RECORDING (as of vnc_server)    -x its number    -i SECONDS between two key presses
 *   -o N         so many sessions are opened at a time (16)
 *   -e           idle: at the end every session presses a key, each another one, and all at the same time. An answer
 *                that is not of the session's own key is a failure, and so is one that is not there a minute later
 *
 * Opens its sessions and prints "ready", begins when it reads a line, and prints a line of JSON when the seconds are
 * over and every answer has come. It ends, with all sessions, when it reads another line or the end of its input.
 */

#define _GNU_SOURCE
#include "wire.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>

enum load { SETUPS, IDLE, KEYS, DOWN, UP, REPLAY, LOADS };
static const char *const LOAD_NAMES[LOADS] = {"setups", "idle", "keys", "down", "up", "replay"};

enum step { CONNECT, TLS_HANDSHAKE, UPGRADE, VERSION, SECURITY_COUNT, SECURITY_TYPES, SECURITY_RESULT, SERVER_INIT,
            NAME, READY, ENDING };
static const char *const STEP_NAMES[] = {"connect", "TLS", "upgrade", "version", "security", "security types",
                                         "security result", "server init", "name", "ready", "ending"};

enum { INPUT_BYTES = 1 << 18, DOWN_WIDTH = 512, DOWN_HEIGHT = 512, DOWN_AT_ONCE = 4, UPDATE_HEADER_BYTES = 16, PIXEL_BYTES = 4,
       UP_MESSAGE_BYTES = 1 << 14, UP_AT_ONCE = 8, OWN_KEY_TIMEOUT_S = 60 };

/* Any mask but 0, which a proxy may be quick about. What is masked is masked once, at the start. */
static const unsigned char MASK[4] = {0x37, 0xfa, 0x21, 0x3d};

struct message {
    unsigned char bytes[UP_MESSAGE_BYTES + 64];
    size_t size;
};

struct session {
    struct wire wire;
    enum step step;
    uint64_t want;                  /* payload that is still missing of what is waited for */
    unsigned char head[14];         /* of a WebSocket frame */
    unsigned head_size;
    uint64_t frame_left;
    unsigned char small[2048];      /* what has come of an answer of the handshake */
    size_t small_size;
    double began, next_key;
    unsigned outstanding;
    size_t out_offset;              /* of the message that is being sent (up) */
    int wants_write;
    const unsigned char *record;
    unsigned char answer[UPDATE_HEADER_BYTES + PIXEL_BYTES];    /* to its own key (idle) */
    struct session *next_ending;
};

static enum load load = LOADS;
static int recording_number, port, session_count = 1, is_websocket, is_tls, has_ended, opens_at_a_time = 16;
static double seconds = 1, key_interval;
static char **paths;
static size_t path_count, next_path;
static unsigned char *recording, *recording_end;

static int poller;
static SSL_CTX *tls_context;
static unsigned char input[INPUT_BYTES];
static struct message VERSION_MESSAGE, ONE, KEY, FETCH, NEXT_RECORD, CUT_TEXT, CLOSE;
static struct session *sessions;
static int opened, opening, ready;
static int is_running, is_stopping;
static double running_since, stops_at;

static double *latencies;
static size_t latency_count, latency_room;
static uint64_t units, bytes, failures;
static int outstanding;

static void note_latency(double latency)
{
    if (latency_count == latency_room) {
        latency_room = latency_room ? 2 * latency_room : 1 << 16;
        if (!(latencies = realloc(latencies, latency_room * sizeof *latencies)))
            die("realloc");
    }
    latencies[latency_count++] = latency;
}

static void build_frame(struct message *message, int opcode, const void *payload, size_t size)
{
    unsigned char *at = message->bytes;
    if (is_websocket) {
        *at++ = 0x80 | opcode;
        if (size < 126) {
            *at++ = 0x80 | size;
        } else {
            *at++ = 0x80 | 126;
            put16(at, size);
            at += 2;
        }
        memcpy(at, MASK, 4);
        at += 4;
    }
    for (size_t i = 0; i < size; i++)
        at[i] = ((const unsigned char *)payload)[i] ^ (is_websocket ? MASK[i % 4] : 0);
    message->size = at + size - message->bytes;
}

static void build_messages(void)
{
    unsigned char request[10] = {3}, next_request[10] = {3, 1}, text[UP_MESSAGE_BYTES] = {6};
    put16(next_request + 2, recording_number);
    put16(request + 6, DOWN_WIDTH);
    put16(request + 8, DOWN_HEIGHT);
    memcpy(next_request + 6, request + 6, 4);
    put32(text + 4, sizeof text - 8);
    memset(text + 8, 'x', sizeof text - 8);
    build_frame(&VERSION_MESSAGE, 2, "RFB 003.008\n", 12);
    build_frame(&ONE, 2, "\1", 1);
    build_frame(&KEY, 2, "\4\1\0\0\0\0\0a", 8);
    build_frame(&FETCH, 2, request, sizeof request);
    build_frame(&NEXT_RECORD, 2, next_request, sizeof next_request);
    build_frame(&CUT_TEXT, 2, text, sizeof text);
    build_frame(&CLOSE, 8, "\x03\xe8", 2);
}

static void watch(struct session *session, int operation)
{
    struct epoll_event event = {.events = EPOLLIN | (session->wants_write ? EPOLLOUT : 0), .data.ptr = session};
    if (epoll_ctl(poller, operation, session->wire.fd, &event) < 0)
        die("epoll_ctl");
}

static void watch_writable(struct session *session, int wanted)
{
    if (session->wants_write != wanted) {
        session->wants_write = wanted;
        watch(session, EPOLL_CTL_MOD);
    }
}

/* Send what is small; it always fits. */
static int send_message(struct session *session, const struct message *message)
{
    return wire_write(&session->wire, message->bytes, message->size) == (ssize_t)message->size;
}

static void await(struct session *session, enum step step, uint64_t size)
{
    session->step = step;
    session->want = size;
    session->small_size = 0;
}

/* -- the beginning and the end of a session */

static void open_session(struct session *session)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    memset(session, 0, sizeof *session);
    session->began = now_s();
    session->wire.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (session->wire.fd < 0)
        die("socket");
    set_no_delay(session->wire.fd);
    if (connect(session->wire.fd, (void *)&address, sizeof address) < 0 && errno != EINPROGRESS)
        die("connect");
    session->wants_write = 1;
    watch(session, EPOLL_CTL_ADD);
    opening++;
}

static void open_more(void)
{
    while (opened < session_count && opening < opens_at_a_time)
        open_session(&sessions[opened++]);
}

static void fail(struct session *session, const char *what)
{
    fprintf(stderr, "load: a session ended at: %s (%s)\n", STEP_NAMES[session->step], what);
    if (session->step == UPGRADE || session->step == SECURITY_TYPES)
        fprintf(stderr, "%.*s\n", (int)session->small_size, session->small);
    if (!is_running || load != SETUPS || failures++ > 1000)
        exit(1);
    wire_close(&session->wire);
    if (is_stopping)
        outstanding--;
    else
        open_session(session);
    opening--;
}

static int send_upgrade(struct session *session)
{
    char request[2048];
    const char *scheme = is_tls ? "https" : "http";
    int size = snprintf(request, sizeof request,
        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 "
        "Firefox/128.0\r\nAccept: */*\r\nAccept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\n"
        "Sec-WebSocket-Version: 13\r\nOrigin: %s://127.0.0.1:%d\r\nSec-WebSocket-Protocol: binary\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nConnection: keep-alive, Upgrade\r\nPragma: no-cache\r\n"
        "Cache-Control: no-cache\r\nUpgrade: websocket\r\n\r\n",
        paths[next_path++ % path_count], port, scheme, port);
    await(session, UPGRADE, 0);
    return wire_write(&session->wire, request, size) == size;
}

static int start_rfb(struct session *session)
{
    if (is_websocket)
        return send_upgrade(session);
    await(session, VERSION, 12);
    return 1;
}

static int go_on_connecting(struct session *session)
{
    if (session->step == CONNECT) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(session->wire.fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) {
            errno = error;
            die("connect");
        }
        watch_writable(session, 0);
        if (!is_tls)
            return start_rfb(session);
        wire_start_tls(&session->wire, tls_context);
        SSL_set_tlsext_host_name(session->wire.ssl, "localhost");
        session->step = TLS_HANDSHAKE;
    }
    int result = SSL_connect(session->wire.ssl);
    if (result != 1)
        return wire_result(&session->wire, result) == WIRE_BLOCKED;
    return start_rfb(session);
}

static void end_session(struct session *session)
{
    /* As a browser does: the other side ends the connection. */
    session->step = ENDING;
    if (is_websocket)
        send_message(session, &CLOSE);
    else if (is_tls)
        SSL_shutdown(session->wire.ssl);
    if (!is_websocket)
        shutdown(session->wire.fd, SHUT_WR);
}

/* -- what a session does once it is there */

static void send_up(struct session *session)
{
    for (int i = 0; i < UP_AT_ONCE && !is_stopping; i++) {
        ssize_t sent = wire_write(&session->wire, CUT_TEXT.bytes + session->out_offset,
                                  CUT_TEXT.size - session->out_offset);
        if (sent == WIRE_FAILED)
            fail(session, "cannot send");
        watch_writable(session, 1);
        if (sent == WIRE_BLOCKED)
            return;
        bytes += sent;
        session->out_offset = (session->out_offset + sent) % CUT_TEXT.size;
    }
    if (!is_stopping)
        return;
    /* The rest of the last message, and a key press whose answer tells that all has arrived. */
    while (session->out_offset) {
        ssize_t sent = wire_write(&session->wire, CUT_TEXT.bytes + session->out_offset,
                                  CUT_TEXT.size - session->out_offset);
        watch_writable(session, sent < 0);
        if (sent < 0)
            return;
        session->out_offset = (session->out_offset + sent) % CUT_TEXT.size;
    }
    ssize_t sent = wire_write(&session->wire, KEY.bytes, KEY.size);
    watch_writable(session, sent < 0);
    if (sent > 0)
        session->out_offset = CUT_TEXT.size;      /* nothing more */
}

/* Which key this session presses, and no other one. */
static uint32_t own_keysym(const struct session *session)
{
    return session - sessions + 1;
}

static const struct message *build_own_key(const struct session *session)
{
    static struct message message;
    unsigned char event[8] = {4, 1};
    put32(event + 4, own_keysym(session));
    build_frame(&message, 2, event, sizeof event);
    return &message;
}

static void ask(struct session *session)
{
    const struct message *message = load == IDLE ? build_own_key(session) : load == KEYS ? &KEY : load == DOWN ? &FETCH : &NEXT_RECORD;
    if (load == REPLAY) {
        if (!session->record || session->record == recording_end)
            session->record = recording;
        session->want = get32(session->record);
        session->record += 4 + session->want;
    } else {
        session->want = UPDATE_HEADER_BYTES + (load == DOWN ? DOWN_WIDTH * DOWN_HEIGHT * PIXEL_BYTES : PIXEL_BYTES);
    }
    session->began = now_s();
    if (!send_message(session, message))
        fail(session, "cannot send");
    session->outstanding++;
    outstanding++;
}

static void begin_session(struct session *session)
{
    if (load == UP) {
        session->want = UPDATE_HEADER_BYTES + PIXEL_BYTES;
        outstanding++;
        send_up(session);
    } else if (load == KEYS && key_interval) {
        /* Spread over the interval. */
        session->next_key = running_since + key_interval * ((session - sessions) + 1) / session_count;
    } else if (load != IDLE && load != SETUPS) {
        ask(session);
        for (int i = 1; load == DOWN && i < DOWN_AT_ONCE; i++) {
            send_message(session, &FETCH);
            session->outstanding++;
            outstanding++;
        }
    }
}

static void take_answer(struct session *session)
{
    outstanding--;
    if (load == IDLE && get32(session->answer + UPDATE_HEADER_BYTES) != own_keysym(session)) {
        fprintf(stderr, "load: a session was sent the answer to the key %u, and had pressed %u\n",
                (unsigned)get32(session->answer + UPDATE_HEADER_BYTES), (unsigned)own_keysym(session));
        failures++;
        return;
    }
    units++;
    if (load == UP)
        return;
    session->outstanding--;
    note_latency(now_s() - session->began);
    if (load == IDLE || is_stopping) {
        if (session->outstanding)
            session->want = UPDATE_HEADER_BYTES + DOWN_WIDTH * DOWN_HEIGHT * 4;
        return;
    }
    if (key_interval)
        return;
    ask(session);
}

static void press_due_keys(double now)
{
    for (int i = 0; i < session_count; i++) {
        struct session *session = &sessions[i];
        if (session->next_key > now || session->outstanding)
            continue;
        double due = session->next_key;
        session->next_key += key_interval;
        ask(session);
        session->began = due;       /* a key that had to wait for this loop has waited */
    }
}

static void note_ready(struct session *session)
{
    opening--;
    if (load != SETUPS) {
        ready++;
        open_more();
        return;
    }
    end_session(session);
    if (!is_running) {
        /* The warm-up: one session. */
        ready++;
        return;
    }
    units++;
    if (is_stopping) {
        outstanding--;
        return;
    }
    /* This one ends beside the next. */
    struct session *next = malloc(sizeof *next);
    if (!next)
        die("malloc");
    open_session(next);
}

/* A part of the handshake has come whole; false when it is not as it should be. */
static int advance(struct session *session)
{
    const unsigned char *small = session->small;
    switch (session->step) {
    case VERSION:
        await(session, SECURITY_COUNT, 1);
        return send_message(session, &VERSION_MESSAGE);
    case SECURITY_COUNT:
        if (!small[0])
            return 0;
        await(session, SECURITY_TYPES, small[0]);
        return 1;
    case SECURITY_TYPES:
        await(session, SECURITY_RESULT, 4);
        return send_message(session, &ONE);
    case SECURITY_RESULT:
        if (get32(small))
            return 0;
        await(session, SERVER_INIT, 24);
        return send_message(session, &ONE);
    case SERVER_INIT:
        await(session, NAME, get32(small + 20));
        return 1;
    case NAME:
        session->step = READY;
        note_ready(session);
        return 1;
    default:
        take_answer(session);
        return 1;
    }
}

static int take_payload(struct session *session, const unsigned char *data, size_t size)
{
    while (size) {
        if (!session->want)
            return session->step == ENDING;
        size_t part = size < session->want ? size : session->want;
        if (session->step == SERVER_INIT && session->small_size == 0 && load == SETUPS && is_running)
            note_latency(now_s() - session->began);
        if (session->step < READY) {
            if (session->small_size + part > sizeof session->small)
                return 0;
            memcpy(session->small + session->small_size, data, part);
            session->small_size += part;
        } else if (load != UP) {
            bytes += part;
            if (load == IDLE)
                memcpy(session->answer + sizeof session->answer - session->want, data, part);
        }
        session->want -= part;
        data += part;
        size -= part;
        if (!session->want && !advance(session))
            return 0;
    }
    return 1;
}

static int take_control_frame(struct session *session)
{
    struct message pong;
    switch (session->head[0] & 0xf) {
    case 8:
        if (session->step != ENDING)
            fprintf(stderr, "load: closed with %d: %.*s\n", session->small_size < 2 ? 1005 : get16(session->small),
                    session->small_size < 2 ? 0 : (int)session->small_size - 2, (char *)session->small + 2);
        return session->step == ENDING;
    case 9:
        build_frame(&pong, 10, session->small, session->small_size);
        session->small_size = 0;
        return send_message(session, &pong);
    default:
        return 1;
    }
}

static int take_frames(struct session *session, const unsigned char *data, size_t size)
{
    for (;;) {
        if (session->frame_left) {
            size_t part = size < session->frame_left ? size : session->frame_left;
            if (!part)
                return 1;
            session->frame_left -= part;
            if (session->head[0] & 8) {
                /* A control frame, which comes to sessions that are ready: nothing else is in there then. */
                if (session->small_size + part > sizeof session->small)
                    return 0;
                memcpy(session->small + session->small_size, data, part);
                session->small_size += part;
                if (!session->frame_left && !take_control_frame(session))
                    return 0;
            } else if (!take_payload(session, data, part)) {
                return 0;
            }
            data += part;
            size -= part;
            if (!session->frame_left)
                session->head_size = 0;
            continue;
        }
        if (!size)
            return 1;
        session->head[session->head_size++] = *data++;
        size--;
        if (session->head_size < 2)
            continue;
        unsigned length = session->head[1] & 0x7f, whole = length < 126 ? 2 : length == 126 ? 4 : 10;
        if (session->head_size < whole)
            continue;
        session->frame_left = whole == 2 ? length : whole == 4 ? get16(session->head + 2) :
            (uint64_t)get32(session->head + 2) << 32 | get32(session->head + 6);
        if (session->head[0] & 8)
            session->small_size = 0;
        if (!session->frame_left) {
            if ((session->head[0] & 8) && !take_control_frame(session))
                return 0;
            session->head_size = 0;
        }
    }
}

static int take_upgrade(struct session *session, const unsigned char *data, size_t size)
{
    while (size) {
        if (session->small_size == sizeof session->small)
            return 0;
        session->small[session->small_size++] = *data++;
        size--;
        if (session->small_size >= 4 && !memcmp(session->small + session->small_size - 4, "\r\n\r\n", 4)) {
            if (memcmp(session->small, "HTTP/1.1 101 ", 13))
                return 0;
            await(session, VERSION, 12);
            return take_frames(session, data, size);
        }
    }
    return 1;
}

static void forget(struct session *session)
{
    wire_close(&session->wire);
    if (session < sessions || session >= sessions + session_count)
        free(session);
}

static void serve(struct session *session, uint32_t events)
{
    if (session->step <= TLS_HANDSHAKE) {
        if (session->step == CONNECT && !(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
            return;
        if (!go_on_connecting(session)) {
            fail(session, "connecting");
            return;
        }
        if (session->step <= TLS_HANDSHAKE)
            return;
    }
    if (events & EPOLLOUT && load == UP && session->step == READY)
        send_up(session);
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        return;
    for (;;) {
        ssize_t got = wire_read(&session->wire, input, sizeof input);
        if (got == WIRE_BLOCKED)
            return;
        if (got <= 0) {
            if (session->step == ENDING)
                forget(session);
            else
                fail(session, got ? "lost" : "closed by the other side");
            return;
        }
        if (session->step == ENDING)
            continue;
        int is_good = session->step == UPGRADE ? take_upgrade(session, input, got) :
            is_websocket ? take_frames(session, input, got) : take_payload(session, input, got);
        if (!is_good) {
            fail(session, "unexpected");
            return;
        }
        /* One read at a time in the clear, so that all sessions get their turn. */
        if (!session->wire.ssl)
            return;
    }
}

/* -- the run */

static double own_cpu_s(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static int compare(const void *left, const void *right)
{
    double difference = *(const double *)left - *(const double *)right;
    return difference < 0 ? -1 : difference > 0;
}

static double percentile(double part)
{
    return latency_count ? latencies[(size_t)((latency_count - 1) * part)] * 1e6 : 0;
}

static void report(double elapsed, double cpu)
{
    qsort(latencies, latency_count, sizeof *latencies, compare);
    printf("{\"units\": %llu, \"bytes\": %llu, \"failures\": %llu, \"elapsed_s\": %.6f, \"generator_cpu_s\": %.6f, "
           "\"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f}\n",
           (unsigned long long)units, (unsigned long long)bytes, (unsigned long long)failures, elapsed, cpu,
           percentile(0.5), percentile(0.99), percentile(1));
    fflush(stdout);
}

static void begin(void)
{
    is_running = 1;
    running_since = now_s();
    stops_at = running_since + seconds;
    if (load == SETUPS) {
        outstanding = session_count;
        for (int i = 0; i < session_count; i++)
            open_session(malloc(sizeof(struct session)));
    } else {
        for (int i = 0; i < session_count; i++)
            begin_session(&sessions[i]);
    }
}

static void stop(void)
{
    is_stopping = 1;
    if (load == UP)
        for (int i = 0; i < session_count; i++)
            watch_writable(&sessions[i], 1);
    if (load == IDLE && has_ended)
        for (int i = 0; i < session_count; i++)
            ask(&sessions[i]);
}

/* Return true when a line has come, false at the end of the input. */
static int read_line(void)
{
    char byte;
    ssize_t got;
    while ((got = read(0, &byte, 1)) == 1)
        if (byte == '\n')
            return 1;
    return 0;
}

static void run(void)
{
    struct epoll_event events[256];
    int has_said_ready = 0, has_reported = 0, wanted = load == SETUPS ? 1 : session_count;
    double cpu_before = 0;
    opens_at_a_time = load == SETUPS ? 1 : opens_at_a_time;
    if (load == SETUPS)
        open_session(&sessions[opened++]);
    else
        open_more();
    for (;;) {
        if (ready == wanted && !has_said_ready) {
            has_said_ready = 1;
            puts("ready");
            fflush(stdout);
        }
        double now = now_s();
        int timeout = -1;
        if (is_running && !has_reported) {
            if (!is_stopping && now >= stops_at)
                stop();
            if (load == IDLE && outstanding && now > stops_at + OWN_KEY_TIMEOUT_S) {
                failures += outstanding;
                outstanding = 0;
            }
            if (is_stopping && !outstanding) {
                has_reported = 1;
                report(now - running_since, own_cpu_s() - cpu_before);
            }
            timeout = is_stopping ? 100 : (stops_at - now) * 1000 + 1;
            if (key_interval && !is_stopping) {
                press_due_keys(now);
                timeout = timeout > 1 ? 1 : timeout;
            }
        }
        int count = epoll_wait(poller, events, 256, timeout);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr) {
                serve(events[i].data.ptr, events[i].events);
                continue;
            }
            if (!read_line() || is_running)
                return;
            cpu_before = own_cpu_s();
            begin();
        }
    }
}

/* -- what is wanted */

static void *read_file(const char *path, long *size)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END))
        die(path);
    *size = ftell(file);
    rewind(file);
    char *data = malloc(*size + 1);
    if (!data || fread(data, 1, *size, file) != (size_t)*size)
        die(path);
    data[*size] = 0;
    fclose(file);
    return data;
}

static void read_paths(const char *file)
{
    long size;
    char *text = read_file(file, &size);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        paths = realloc(paths, (path_count + 1) * sizeof *paths);
        paths[path_count++] = line;
    }
    is_websocket = 1;
    /* Not all of one round begin with the same. */
    next_path = getpid() % path_count;
}

int main(int argc, char **argv)
{
    int option;
    long size;
    while ((option = getopt(argc, argv, "p:n:s:u:tr:x:i:o:e")) != -1) {
        switch (option) {
        case 'p': port = atoi(optarg); break;
        case 'n': session_count = atoi(optarg); break;
        case 's': seconds = atof(optarg); break;
        case 'u': read_paths(optarg); break;
        case 't': is_tls = 1; break;
        case 'r': recording = read_file(optarg, &size); recording_end = recording + size; break;
        case 'x': recording_number = atoi(optarg); break;
        case 'i': key_interval = atof(optarg); break;
        case 'o': opens_at_a_time = atoi(optarg); break;
        case 'e': has_ended = 1; break;
        default: return 2;
        }
    }
    for (int i = 0; optind < argc && i < LOADS; i++)
        if (!strcmp(argv[optind], LOAD_NAMES[i]))
            load = i;
    if (load == LOADS || !port || session_count < 1 || (load == REPLAY && !recording)) {
        fprintf(stderr, "usage: load setups|idle|keys|down|up|replay -p PORT ...; see load.c\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (is_tls)
        tls_context = SSL_CTX_new(TLS_client_method());
    build_messages();
    poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poller, EPOLL_CTL_ADD, 0, &event);
    if (!(sessions = calloc(session_count, sizeof *sessions)))
        die("calloc");
    run();
    return 0;
}
