/* Lets memory run out at random for a program under LD_PRELOAD, as the file that SCARCE_MEMORY names says: a struct scarce, which
 * all programs share. Whether an allocation fails goes by the seed, and by how many there were before it, of all programs. */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct scarce {
	_Atomic uint64_t one_of;         /* allocations, of which one fails; 0: none does */
	_Atomic uint64_t libraries_only; /* what the program itself allocates is there: it would end without */
	_Atomic uint64_t seed, asked, failed;
};

/* The C library's own, below those that can be replaced. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *former, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static struct scarce *scarce;
static uintptr_t program_begins, program_ends;

static int see_program(struct dl_phdr_info *info, size_t size, void *data)
{
	(void)size;
	(void)data;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		uintptr_t begins = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;

		if (info->dlpi_phdr[i].p_type != PT_LOAD)
			continue;
		program_begins = program_begins ? program_begins : begins;
		program_ends = begins + info->dlpi_phdr[i].p_memsz;
	}
	return 1; /* the program itself is the first */
}

__attribute__((constructor)) static void scarce_begin(void)
{
	const char *path = getenv("SCARCE_MEMORY");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *shared = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*scarce), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (fd >= 0)
		close(fd);
	dl_iterate_phdr(see_program, NULL);
	if (shared != MAP_FAILED)
		scarce = shared;
}

/* splitmix64 (Steele, Lea and Flood, 2014) */
static uint64_t mixed(uint64_t number)
{
	number += UINT64_C(0x9e3779b97f4a7c15);
	number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
	return number ^ number >> 31;
}

static bool is_out(const void *caller)
{
	uint64_t one_of = scarce ? atomic_load_explicit(&scarce->one_of, memory_order_relaxed) : 0;

	if (one_of == 0)
		return false;
	if (atomic_load(&scarce->libraries_only) && (uintptr_t)caller >= program_begins && (uintptr_t)caller < program_ends)
		return false;
	if (mixed(atomic_load(&scarce->seed) + atomic_fetch_add(&scarce->asked, 1)) % one_of != 0)
		return false;
	atomic_fetch_add(&scarce->failed, 1);
	errno = ENOMEM;
	return true;
}

#define IS_OUT() is_out(__builtin_return_address(0))
#define REPLACES __attribute__((visibility("default")))

REPLACES void *malloc(size_t size)
{
	return IS_OUT() ? NULL : __libc_malloc(size);
}

REPLACES void *calloc(size_t count, size_t size)
{
	return IS_OUT() ? NULL : __libc_calloc(count, size);
}

REPLACES void *realloc(void *former, size_t size)
{
	return size > 0 && IS_OUT() ? NULL : __libc_realloc(former, size);
}

REPLACES void *reallocarray(void *former, size_t count, size_t size)
{
	size_t all;

	if (__builtin_mul_overflow(count, size, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	return all > 0 && IS_OUT() ? NULL : __libc_realloc(former, all);
}

REPLACES void *memalign(size_t alignment, size_t size)
{
	return IS_OUT() ? NULL : __libc_memalign(alignment, size);
}

REPLACES void *aligned_alloc(size_t alignment, size_t size)
{
	return IS_OUT() ? NULL : __libc_memalign(alignment, size);
}

REPLACES int posix_memalign(void **out, size_t alignment, size_t size)
{
	void *made = IS_OUT() ? NULL : __libc_memalign(alignment, size);

	if (!made)
		return ENOMEM;
	*out = made;
	return 0;
}

REPLACES void *mmap(void *where, size_t size, int protection, int flags, int fd, off_t from)
{
	return IS_OUT() ? MAP_FAILED : (void *)syscall(SYS_mmap, where, size, protection, flags, fd, from);
}

REPLACES void *mmap64(void *where, size_t size, int protection, int flags, int fd, off_t from)
{
	return IS_OUT() ? MAP_FAILED : (void *)syscall(SYS_mmap, where, size, protection, flags, fd, from);
}
