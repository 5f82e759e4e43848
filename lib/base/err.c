/* Sets and extends the project's one error value. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>

/* Removes an unfinished UTF-8 sequence from the end of a text that was cut. */
static void trim_cut_character(char *text)
{
	size_t len = strlen(text);
	size_t back = 0;

	while (back < 3 && back < len && ((unsigned char)text[len - 1 - back] & 0xC0) == 0x80)
		back++;
	if (back == len)
		return;
	unsigned char lead = (unsigned char)text[len - 1 - back];
	size_t wanted = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
	if (back < wanted)
		text[len - 1 - back] = '\0';
}

static void format_cut(char *out, size_t size, const char *format, va_list arguments)
{
	int wanted = vsnprintf(out, size, format, arguments);

	if (wanted < 0)
		out[0] = '\0';
	else if ((size_t)wanted >= size)
		trim_cut_character(out);
}

/* Builds the message in a buffer of its own, since err->text is often among the arguments. */
int err_set(struct err *err, enum err_code code, const char *format, ...)
{
	char text[ERR_TEXT_MAX];
	va_list arguments;

	if (!err)
		return -1;
	va_start(arguments, format);
	format_cut(text, sizeof(text), format, arguments);
	va_end(arguments);
	memcpy(err->text, text, strlen(text) + 1);
	err->code = code;
	err->origin = ERR_FROM_ANYWHERE;
	err->exhausted = false;
	return -1;
}

bool err_exhausts(int number)
{
	return number == EMFILE || number == ENFILE || number == ENOMEM;
}

static bool is_of_the_moment(int number)
{
	return err_exhausts(number) || number == EIO || number == EROFS;
}

/* Cuts a long message, so that the reason after it stays. */
int err_errno(struct err *err, enum err_code code, const char *format, ...)
{
	int number = errno;
	char reason_space[128];
	const char *reason = strerror_r(number, reason_space, sizeof(reason_space));
	char message[ERR_TEXT_MAX - sizeof(reason_space)];
	va_list arguments;

	if (number == ENOSPC || number == EDQUOT || number == EFBIG)
		code = ERR_NO_SPACE;
	else if (code == ERR_INTERNAL && is_of_the_moment(number))
		code = ERR_UNAVAILABLE;
	va_start(arguments, format);
	format_cut(message, sizeof(message), format, arguments);
	va_end(arguments);
	err_set(err, code, "%s: %s", message, reason);
	if (err)
		err->exhausted = err_exhausts(number);
	errno = number;
	return -1;
}

bool err_is_down(const struct err *err)
{
	return err->code == ERR_UPSTREAM || err->code == ERR_UNAVAILABLE;
}

bool err_is_ours(const struct err *err)
{
	return err_is_down(err) || err->code == ERR_INTERNAL || err->code == ERR_NO_SPACE;
}

int err_from(struct err *err, enum err_origin origin)
{
	if (err && err_is_ours(err))
		err->origin = origin;
	return -1;
}

int err_prefix(struct err *err, const char *format, ...)
{
	char prefix[ERR_TEXT_MAX];
	va_list arguments;

	if (!err)
		return -1;
	va_start(arguments, format);
	format_cut(prefix, sizeof(prefix), format, arguments);
	va_end(arguments);
	enum err_origin origin = err->origin;
	bool exhausted = err->exhausted;
	err_set(err, err->code, "%s: %s", prefix, err->text);
	err->exhausted = exhausted;
	return err_from(err, origin);
}
