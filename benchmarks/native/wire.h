/* SPDX-License-Identifier: Apache-2.0 */
/* A non-blocking connection, in the clear or over TLS; what load.c and vnc_server.c share. */

#ifndef WIRE_H
#define WIRE_H

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { WIRE_BLOCKED = -1, WIRE_FAILED = -2 };

struct wire {
    int fd;
    SSL *ssl;           /* NULL: in the clear */
};

static inline void die(const char *what)
{
    perror(what);
    exit(1);
}

static inline double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static inline void put16(unsigned char *at, unsigned value)
{
    at[0] = value >> 8;
    at[1] = value;
}

static inline void put32(unsigned char *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value & 0xffff);
}

static inline unsigned get16(const unsigned char *at)
{
    return at[0] << 8 | at[1];
}

static inline uint32_t get32(const unsigned char *at)
{
    return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static inline ssize_t wire_result(struct wire *wire, int result)
{
    int error = SSL_get_error(wire->ssl, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return WIRE_BLOCKED;
    return error == SSL_ERROR_ZERO_RETURN ? 0 : WIRE_FAILED;
}

/* Return the bytes read, 0 at the end, or one of the negative values above. */
static inline ssize_t wire_read(struct wire *wire, void *data, size_t size)
{
    if (wire->ssl) {
        int got = SSL_read(wire->ssl, data, size);
        return got > 0 ? got : wire_result(wire, got);
    }
    ssize_t got = recv(wire->fd, data, size, 0);
    if (got >= 0)
        return got;
    return errno == EAGAIN ? WIRE_BLOCKED : WIRE_FAILED;
}

/* Return the bytes written, or one of the negative values above. */
static inline ssize_t wire_write(struct wire *wire, const void *data, size_t size)
{
    if (wire->ssl) {
        int sent = SSL_write(wire->ssl, data, size);
        return sent > 0 ? sent : wire_result(wire, sent);
    }
    ssize_t sent = send(wire->fd, data, size, MSG_NOSIGNAL);
    if (sent >= 0)
        return sent;
    return errno == EAGAIN ? WIRE_BLOCKED : WIRE_FAILED;
}

static inline void wire_start_tls(struct wire *wire, SSL_CTX *context)
{
    wire->ssl = SSL_new(context);
    SSL_set_fd(wire->ssl, wire->fd);
    /* A retried write comes from the same place of the same bytes, if not at the same address. */
    SSL_set_mode(wire->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                 SSL_MODE_RELEASE_BUFFERS);
}

static inline void wire_close(struct wire *wire)
{
    if (wire->ssl)
        SSL_free(wire->ssl);
    close(wire->fd);
    wire->ssl = NULL;
    wire->fd = -1;
}

static inline void set_no_delay(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

#endif
