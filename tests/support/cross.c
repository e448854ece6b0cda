/* Two threads that take two mutexes in the opposite order; says which thread and which mutex is which. It knows nothing of Task Lab. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t both;
static void *cross(void *is_left) {
    pthread_setname_np(pthread_self(), is_left ? "left" : "right");
    pthread_mutex_lock(is_left ? &a : &b);
    printf("%s %d\n", is_left ? "left" : "right", gettid());
    pthread_barrier_wait(&both);
    puts("met"), fflush(stdout);
    pthread_mutex_lock(is_left ? &b : &a);
    return NULL;
}
int main(void) {
    pthread_t left, right;
    printf("a %p\nb %p\n", (void *)&a, (void *)&b);
    pthread_barrier_init(&both, NULL, 2);
    pthread_create(&left, NULL, cross, &left);
    pthread_create(&right, NULL, cross, NULL);
    pthread_join(left, NULL);
    return pthread_join(right, NULL);
}
