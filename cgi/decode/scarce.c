/* Stands before the C library's allocator, as its manual allows ("Replacing malloc"), and before what starts threads,
 * which need a stack, and notes where there was nothing to be had. */
#include "scarce.h"

#include <errno.h>
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

static atomic_bool was;

bool scarce_was(void)
{
	return atomic_exchange(&was, false);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#define EXPORT __attribute__((visibility("default")))
#define MUCH ((size_t)1 << 30) /* bytes: half of what this process may have (decode.c) */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static void *noted(void *memory, size_t size)
{
	if (memory || size == 0 || size >= MUCH)
		return memory;
	struct mallinfo2 held = mallinfo2();
	if (held.uordblks + held.hblkhd + size < MUCH)
		atomic_store(&was, true);
	return NULL;
}

EXPORT void *malloc(size_t size)
{
	return noted(__libc_malloc(size), size);
}

EXPORT void *calloc(size_t count, size_t size)
{
	return noted(__libc_calloc(count, size), count && size > MUCH / count ? MUCH : count * size);
}

EXPORT void *realloc(void *memory, size_t size)
{
	return noted(__libc_realloc(memory, size), size);
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
	return noted(__libc_memalign(alignment, size), size);
}

EXPORT void *memalign(size_t alignment, size_t size)
{
	return noted(__libc_memalign(alignment, size), size);
}

EXPORT int posix_memalign(void **out, size_t alignment, size_t size)
{
	if (alignment % sizeof(void *) || (alignment & (alignment - 1)) || alignment == 0)
		return EINVAL;
	void *memory = noted(__libc_memalign(alignment, size), size);
	if (!memory && size)
		return ENOMEM;
	*out = memory;
	return 0;
}

EXPORT int pthread_create(pthread_t *out, const pthread_attr_t *attributes, void *(*run)(void *), void *data)
{
	int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

	*(void **)&create = dlsym(RTLD_NEXT, "pthread_create");
	int failed = create(out, attributes, run, data);
	if (failed == EAGAIN || failed == ENOMEM)
		noted(NULL, 1);
	return failed;
}

#endif
