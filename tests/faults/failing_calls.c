/* Lets the Nth call of some kind on files below a folder fail with an error number, as a real disk does: below Python,
 * Arrow, Rust and C++ alike. Loaded with LD_PRELOAD; nothing fails before fail_calls(). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static char below[PATH_MAX];
static char kinds[16];
static long left = -1, failed;
static int number, again;

/* kinds: w write, r read, o open for writing, i open for reading, n rename and link, d mkdir, s fsync, t truncate */
void fail_calls(const char *folder, const char *which, long after, int error, int go_on) {
    snprintf(below, sizeof below, "%s", folder);
    snprintf(kinds, sizeof kinds, "%s", which);
    number = error, again = go_on, failed = 0, left = after;
}

long failed_calls(void) { return failed; }

static int fails(char kind, const char *path) {
    if (left < 0 || !path || !strchr(kinds, kind) || strncmp(path, below, strlen(below))) return 0;
    if (left > 0) { left--; return 0; }
    if (!again) left = -1;
    failed++;
    errno = number;
    return 1;
}

static int fails_fd(char kind, int fd) {
    char link[64], path[PATH_MAX];
    int kept = errno;
    if (left < 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    errno = kept;
    if (size < 0) return 0;
    path[size] = 0;
    return fails(kind, path);
}

#define REAL(name) ((__typeof__(&name))(real_##name ? real_##name : (real_##name = dlsym(RTLD_NEXT, #name))))
#define ON_FD(kind, type, name, parameters, arguments)                                   \
    static void *real_##name;                                                            \
    type name parameters { return fails_fd(kind, fd) ? -1 : REAL(name) arguments; }
#define ON_PATH(kind, name, parameters, arguments)                                       \
    static void *real_##name;                                                            \
    int name parameters { return fails(kind, path) ? -1 : REAL(name) arguments; }

ON_FD('w', ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size))
ON_FD('w', ssize_t, writev, (int fd, const struct iovec *parts, int count), (fd, parts, count))
ON_FD('w', ssize_t, pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at))
ON_FD('w', ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at))
ON_FD('r', ssize_t, read, (int fd, void *data, size_t size), (fd, data, size))
ON_FD('r', ssize_t, pread, (int fd, void *data, size_t size, off_t at), (fd, data, size, at))
ON_FD('r', ssize_t, pread64, (int fd, void *data, size_t size, off64_t at), (fd, data, size, at))
ON_FD('s', int, fsync, (int fd), (fd))
ON_FD('t', int, ftruncate, (int fd, off_t size), (fd, size))
ON_FD('t', int, ftruncate64, (int fd, off64_t size), (fd, size))
ON_PATH('d', mkdir, (const char *path, mode_t mode), (path, mode))

static void *real_rename;
int rename(const char *from, const char *path) { return fails('n', path) ? -1 : REAL(rename)(from, path); }

static char opened_for(int flags) { return (flags & O_ACCMODE) == O_RDONLY ? 'i' : 'o'; }

#define OPEN(name)                                                                       \
    static void *real_##name;                                                            \
    int name(const char *path, int flags, ...) {                                         \
        va_list more;                                                                    \
        va_start(more, flags);                                                           \
        int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, int) : 0;                \
        va_end(more);                                                                    \
        return fails(opened_for(flags), path) ? -1 : REAL(name)(path, flags, mode);      \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                     \
    static void *real_##name;                                                            \
    int name(int folder, const char *path, int flags, ...) {                             \
        va_list more;                                                                    \
        va_start(more, flags);                                                           \
        int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, int) : 0;                \
        va_end(more);                                                                    \
        return fails(opened_for(flags), path) ? -1 : REAL(name)(folder, path, flags, mode); \
    }
OPENAT(openat)
OPENAT(openat64)

static void *real_fopen;
FILE *fopen(const char *path, const char *mode) {
    return fails(mode[0] == 'r' ? 'i' : 'o', path) ? NULL : REAL(fopen)(path, mode);
}
static void *real_fopen64;
FILE *fopen64(const char *path, const char *mode) {
    return fails(mode[0] == 'r' ? 'i' : 'o', path) ? NULL : REAL(fopen64)(path, mode);
}
static void *real_fwrite;
size_t fwrite(const void *data, size_t size, size_t count, FILE *file) {
    return fails_fd('w', fileno(file)) ? 0 : REAL(fwrite)(data, size, count, file);
}
static void *real_fread;
size_t fread(void *data, size_t size, size_t count, FILE *file) {
    return fails_fd('r', fileno(file)) ? 0 : REAL(fread)(data, size, count, file);
}
