/* Allocates, or aborts. */
#include "base/memory.h"

#include <errno.h>
#include <stdarg.h>

void *memory_must(void *allocated)
{
	if (!allocated)
		abort();
	return allocated;
}

void *memory_new(size_t count, size_t size)
{
	return memory_must(calloc(count ? count : 1, size));
}

void *memory_raw(size_t size)
{
	return memory_must(malloc(size ? size : 1));
}

void *memory_resize(void *memory, size_t size)
{
	return memory_must(realloc(memory, size ? size : 1));
}

void *memory_grow(void *array, size_t count, size_t size)
{
	return memory_must(reallocarray(array, count, size));
}

char *memory_text(const char *text)
{
	return memory_must(strdup(text));
}

char *memory_real_path(const char *path)
{
	char *real = realpath(path, NULL);

	return real || errno != ENOMEM ? real : memory_must(NULL);
}

char *memory_text_part(const char *text, size_t len)
{
	return memory_must(strndup(text, len));
}

char *memory_format(const char *format, ...)
{
	char *text;
	va_list arguments;

	va_start(arguments, format);
	int len = vasprintf(&text, format, arguments);
	va_end(arguments);
	return memory_must(len < 0 ? NULL : text);
}
