/* Reads a password. */
#include "secret.h"

#include <errno.h>
#include <stdbool.h>
#include <termios.h>
#include <unistd.h>

enum { CONTROL_C = 3 };

/* Reads one line from standard input, without buffering more than that line. */
static int secret_line(char *out, size_t size, struct err *err)
{
	size_t len = 0;
	for (;;) {
		char c;
		ssize_t n = read(STDIN_FILENO, &c, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, ERR_BAD_REQUEST, "no password can be read");
		if (n == 0 && len == 0)
			return err_set(err, ERR_BAD_REQUEST, "no password was given");
		if (n > 0 && c == CONTROL_C)
			return err_set(err, ERR_BAD_REQUEST, "interrupted");
		if (n == 0 || c == '\n')
			break;
		if (c == '\0')
			return err_set(err, ERR_BAD_REQUEST, "the password holds a NUL");
		if (len + 1 == size)
			return err_set(err, ERR_BAD_REQUEST, "more than %zu bytes of password", size - 1);
		out[len++] = c;
	}
	if (len > 0 && out[len - 1] == '\r')
		len--;
	out[len] = '\0';
	return 0;
}

static int secret_ask(const char *question, char *out, size_t size, struct err *err)
{
	fputs(question, stderr);
	int result = secret_line(out, size, err);
	fputc('\n', stderr); /* the typed one was not echoed */
	return result;
}

static int ask_twice(char *out, size_t size, struct err *err)
{
	char again[1024];
	int result = secret_ask("Password: ", out, size, err);
	if (result == 0)
		result = secret_ask("Again: ", again, size < sizeof(again) ? size : sizeof(again), err);
	if (result == 0 && strcmp(out, again) != 0)
		result = err_set(err, ERR_BAD_REQUEST, "the two passwords differ");
	explicit_bzero(again, sizeof(again));
	return result;
}

int secret_read(char *out, size_t size, struct err *err)
{
	struct termios normal, silent;
	int result;
	if (tcgetattr(STDIN_FILENO, &normal) != 0) {
		result = secret_line(out, size, err);
	} else {
		/* Ctrl-C must not leave a terminal without echo: it is read as the end of the line. */
		silent = normal;
		silent.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
		silent.c_cc[VEOL] = CONTROL_C;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
		result = ask_twice(out, size, err);
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &normal);
	}
	if (result != 0)
		explicit_bzero(out, size);
	return result;
}
