/* tests/faulty.c: the server as it is, and three faults that can be asked of it; linked into auxot_faulty only.
 *
 * A request with the header X-Auxot-Test-Hang stops its loop for ever, in a lock that is never let go of ("lock") or turning
 * round ("spin"). With AUXOT_TEST_THREADS=n the system refuses every thread after the first n, as a limit on processes does;
 * with AUXOT_TEST_STANDSTILL=n the process stops before the one after the first n, until somebody sends SIGCONT.
 */
#include "gateway/gateway.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

typedef void *thread_run(void *arg);

void __real_gateway_serve(struct gateway_loop *loop, struct exchange *exchange);
void __wrap_gateway_serve(struct gateway_loop *loop, struct exchange *exchange);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, thread_run *run,
                          void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, thread_run *run,
                          void *arg);

__attribute__((noinline, noreturn)) static void hang(struct str how)
{
    sem_t never;
    sem_init(&never, 0, 0);
    for (volatile unsigned turn = 0;; turn++)
        if (str_eq(how, STR("lock")))
            sem_wait(&never);
}

void __wrap_gateway_serve(struct gateway_loop *loop, struct exchange *exchange)
{
    struct str how = http_header_find(exchange_head(exchange), STR("x-auxot-test-hang"), NULL);
    if (how.len)
        hang(how);
    __real_gateway_serve(loop, exchange);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, thread_run *run,
                          void *arg)
{
    static atomic_int made;
    const char *most = getenv("AUXOT_TEST_THREADS"), *stop = getenv("AUXOT_TEST_STANDSTILL");
    int before = atomic_fetch_add(&made, 1);
    if (most && before >= atoi(most))
        return EAGAIN;
    if (stop && before == atoi(stop))
        raise(SIGSTOP);
    return __real_pthread_create(thread, attributes, run, arg);
}
