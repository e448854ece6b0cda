/* A thread holds a mutex for 400 ms, and another one waits for it; the first thread waits for both to end.
   With an argument: `limit`, the one that waits has a time limit; `third`, a third thread runs now and then meanwhile. */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const char *mode = "";

static void *owner(void *unused) {
    pthread_mutex_lock(&mutex);
    usleep(500000);
    pthread_mutex_unlock(&mutex);
    usleep(200000);
    return unused;
}

static void *waiter(void *unused) {
    struct timespec limit;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += 60;
    if (strcmp(mode, "limit") == 0)
        pthread_mutex_timedlock(&mutex, &limit);
    else
        pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    return unused;
}

static void *third(void *unused) {
    for (int turn = 0; turn < 100; turn++)
        usleep(5000);
    return unused;
}

int main(int count, char **arguments) {
    pthread_t threads[3];
    if (count > 1)
        mode = arguments[1];
    pthread_create(&threads[0], NULL, owner, NULL);
    pthread_setname_np(threads[0], "owner");
    usleep(100000);
    pthread_create(&threads[1], NULL, waiter, NULL);
    pthread_setname_np(threads[1], "waiter");
    if (strcmp(mode, "third") == 0)
        pthread_create(&threads[2], NULL, third, NULL);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    if (strcmp(mode, "third") == 0)
        pthread_join(threads[2], NULL);
    return 0;
}
