/* Records what a process does to the files of one folder, for `power_loss.py`: preload it into any program.
 *
 * POWER_FOLDER: the folder. POWER_LOG: the record, one struct for each call in the order in which calls ended, followed
 * by its path, second path and data. Memory that is mapped is not recorded: the product maps no file that must last.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { WRITE = 1, TRUNCATE, SYNC, CREATE, RENAME, LINK, UNLINK, MKDIR, RMDIR, MARK };

struct record { uint32_t kind, path, second, data; uint64_t inode, offset; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int record_file = -1;

#define REAL(name) static typeof(&name) real; if (!real) real = (typeof(&name))dlsym(RTLD_NEXT, #name)

static int raw_open(const char *path, int flags, mode_t mode) { REAL(open); return real(path, flags, mode); }
static ssize_t raw_write(int fd, const void *data, size_t size) { REAL(write); return real(fd, data, size); }

static int inside(const char *path) {
    const char *folder = getenv("POWER_FOLDER");
    size_t length = folder ? strlen(folder) : 0;
    return length && !strncmp(path, folder, length) && (path[length] == '/' || !path[length]);
}

static const char *absolute(int folder, const char *path, char *buffer) {
    char link[64];
    ssize_t length;
    if (path[0] == '/') return path;
    if (folder == AT_FDCWD) { if (!getcwd(buffer, PATH_MAX)) return path; length = strlen(buffer); }
    else {
        strcpy(link, "/proc/self/fd/");
        char digits[16], *end = digits + 15; *end = 0;
        do { *--end = '0' + folder % 10; folder /= 10; } while (folder);
        strcat(link, end);
        if ((length = readlink(link, buffer, PATH_MAX - 1)) < 0) return path;
        buffer[length] = 0;
    }
    strncat(buffer, "/", PATH_MAX - length - 1);
    strncat(buffer, path, PATH_MAX - length - 2);
    return buffer;
}

static int path_of(int fd, char *buffer) {
    char empty[1] = "";
    absolute(fd, empty, buffer);
    size_t length = strlen(buffer);
    while (length > 1 && buffer[length - 1] == '/') buffer[--length] = 0;
    return inside(buffer);
}

static uint64_t inode_of(int fd) { struct stat status; return fstat(fd, &status) ? 0 : status.st_ino; }
static uint64_t inode_at(const char *path) { struct stat status; return lstat(path, &status) ? 0 : status.st_ino; }

static void note(uint32_t kind, uint64_t inode, const char *path, const char *second, uint64_t offset,
                 const void *data, size_t size) {
    struct record head = {kind, strlen(path), strlen(second), size, inode, offset};
    size_t total = sizeof head + head.path + head.second + size;
    char *whole = malloc(total);
    memcpy(whole, &head, sizeof head);
    memcpy(whole + sizeof head, path, head.path);
    memcpy(whole + sizeof head + head.path, second, head.second);
    memcpy(whole + sizeof head + head.path + head.second, data, size);
    pthread_mutex_lock(&lock);
    if (record_file < 0) record_file = raw_open(getenv("POWER_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (raw_write(record_file, whole, total) != (ssize_t)total) abort();
    pthread_mutex_unlock(&lock);
    free(whole);
}

/* For the program: what it says here it has told somebody. */
void power_mark(const char *text) { note(MARK, 0, "", "", 0, text, strlen(text)); }

static int opened(int fd, int folder, const char *path, int flags, int was) {
    char buffer[PATH_MAX];
    const char *name = absolute(folder, path, buffer);
    if (fd >= 0 && inside(name)) {
        if (!was && (flags & O_CREAT)) note(CREATE, inode_of(fd), name, "", 0, "", 0);
        else if (flags & O_TRUNC) note(TRUNCATE, inode_of(fd), name, "", 0, "", 0);
    }
    return fd;
}

#define OPEN(name, at)                                                                        \
    mode_t mode = 0;                                                                          \
    if (flags & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); } \
    struct stat status;                                                                       \
    int was = !fstatat(at, path, &status, 0);                                                 \
    REAL(name)

int open(const char *path, int flags, ...) {
    OPEN(open, AT_FDCWD); return opened(real(path, flags, mode), AT_FDCWD, path, flags, was); }
int open64(const char *path, int flags, ...) {
    OPEN(open64, AT_FDCWD); return opened(real(path, flags, mode), AT_FDCWD, path, flags, was); }
int openat(int folder, const char *path, int flags, ...) {
    OPEN(openat, folder); return opened(real(folder, path, flags, mode), folder, path, flags, was); }
int openat64(int folder, const char *path, int flags, ...) {
    OPEN(openat64, folder); return opened(real(folder, path, flags, mode), folder, path, flags, was); }

static ssize_t wrote(ssize_t done, int fd, const void *data, uint64_t offset) {
    char path[PATH_MAX];
    if (done > 0 && path_of(fd, path)) note(WRITE, inode_of(fd), path, "", offset, data, done);
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
    REAL(pwrite); return wrote(real(fd, data, size, offset), fd, data, offset); }
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
    REAL(pwrite64); return wrote(real(fd, data, size, offset), fd, data, offset); }
ssize_t write(int fd, const void *data, size_t size) {
    REAL(write);
    ssize_t done = real(fd, data, size);
    off_t end = lseek(fd, 0, SEEK_CUR);
    return end < done ? done : wrote(done, fd, data, end - done);
}

static int truncated(int failed, int fd, uint64_t size) {
    char path[PATH_MAX];
    if (!failed && path_of(fd, path)) note(TRUNCATE, inode_of(fd), path, "", size, "", 0);
    return failed;
}
int ftruncate(int fd, off_t size) { REAL(ftruncate); return truncated(real(fd, size), fd, size); }
int ftruncate64(int fd, off64_t size) { REAL(ftruncate64); return truncated(real(fd, size), fd, size); }

static int synced(int failed, int fd) {
    char path[PATH_MAX];
    if (!failed && path_of(fd, path)) note(SYNC, inode_of(fd), path, "", 0, "", 0);
    return failed;
}
int fsync(int fd) { REAL(fsync); return synced(real(fd), fd); }
int fdatasync(int fd) { REAL(fdatasync); return synced(real(fd), fd); }

#define NAMED(kind, from, to, call)                                                           \
    char first[PATH_MAX], second[PATH_MAX];                                                   \
    const char *a = absolute(AT_FDCWD, from, first), *b = absolute(AT_FDCWD, to, second);     \
    uint64_t inode = inode_at(a);                                                             \
    int failed = call;                                                                        \
    if (!failed && (inside(a) || inside(b))) note(kind, inode ? inode : inode_at(a), a, b, 0, "", 0); \
    return failed

int rename(const char *from, const char *to) { REAL(rename); NAMED(RENAME, from, to, real(from, to)); }
int link(const char *from, const char *to) { REAL(link); NAMED(LINK, from, to, real(from, to)); }
int linkat(int f, const char *from, int t, const char *to, int flags) {
    REAL(linkat); NAMED(LINK, from, to, real(f, from, t, to, flags)); }
int unlink(const char *path) { REAL(unlink); NAMED(UNLINK, path, "", real(path)); }
int rmdir(const char *path) { REAL(rmdir); NAMED(RMDIR, path, "", real(path)); }
int mkdir(const char *path, mode_t mode) { REAL(mkdir); NAMED(MKDIR, path, "", real(path, mode)); }
