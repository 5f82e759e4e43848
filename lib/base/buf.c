/* The growable byte buffer with a ceiling. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>

#include "base/memory.h"

enum { BUF_FIRST_CAPACITY = 256 };

void buf_init(struct buf *buf, size_t max)
{
	*buf = (struct buf){.max = max};
}

void buf_release(struct buf *buf)
{
	free(buf->data);
	buf_init(buf, buf->max);
}

void buf_clear(struct buf *buf)
{
	buf->len = 0;
	buf->overflow = false;
	if (buf->data)
		buf->data[0] = '\0';
}

/* Makes room for `len` more bytes and a NUL; false above the ceiling. */
static bool buf_grow(struct buf *buf, size_t len)
{
	if (buf->overflow || buf->len > buf->max || len > buf->max - buf->len ||
	    buf->len + len > SIZE_MAX / 4) {
		buf->overflow = true;
		return false;
	}
	size_t wanted = buf->len + len + 1;
	if (wanted <= buf->capacity)
		return true;
	size_t capacity = buf->capacity ? buf->capacity * 2 : BUF_FIRST_CAPACITY;
	if (capacity - 1 > buf->max)
		capacity = buf->max + 1;
	if (capacity < wanted)
		capacity = wanted;
	char *data = memory_grow(buf->data, capacity, 1);
	buf->data = data;
	buf->capacity = capacity;
	buf->data[buf->len] = '\0';
	return true;
}

char *buf_reserve(struct buf *buf, size_t len)
{
	if (!buf_grow(buf, len))
		return NULL;
	return buf->data + buf->len;
}

int buf_add(struct buf *buf, const void *bytes, size_t len)
{
	if (!buf_grow(buf, len))
		return -1;
	if (len)
		memcpy(buf->data + buf->len, bytes, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
	return 0;
}

int buf_str(struct buf *buf, const char *string)
{
	return buf_add(buf, string, strlen(string));
}

int buf_char(struct buf *buf, char c)
{
	return buf_add(buf, &c, 1);
}

int buf_printf(struct buf *buf, const char *format, ...)
{
	va_list arguments;

	if (buf->overflow)
		return -1;
	size_t room = buf->capacity > buf->len ? buf->capacity - buf->len : 0;
	va_start(arguments, format);
	int wanted = vsnprintf(room ? buf->data + buf->len : NULL, room, format, arguments);
	va_end(arguments);
	if (wanted < 0 || !buf_grow(buf, (size_t)wanted)) {
		buf->overflow = true;
		if (room)
			buf->data[buf->len] = '\0';
		return -1;
	}
	if ((size_t)wanted >= room) {
		va_start(arguments, format);
		vsnprintf(buf->data + buf->len, (size_t)wanted + 1, format, arguments);
		va_end(arguments);
	}
	buf->len += (size_t)wanted;
	return 0;
}

/* A caller of buf_reserve may have raised len past the last NUL written here. */
static void terminate(const struct buf *buf)
{
	if (buf->data[buf->len])
		buf->data[buf->len] = '\0';
}

const char *buf_text(const struct buf *buf)
{
	if (!buf->data)
		return "";
	terminate(buf);
	return buf->data;
}

char *buf_detach(struct buf *buf)
{
	char *data = buf->data ? buf->data : memory_new(1, 1);

	if (buf->data)
		terminate(buf);
	buf_init(buf, buf->max);
	return data;
}
