/* A FastCGI request made in memory: its parameters and body, and its answer. Include after cmocka.h. */
#ifndef TESTS_UNIT_FCGI_H
#define TESTS_UNIT_FCGI_H

#include <fcgiapp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FAKE_PARAMS = 32, FAKE_ANSWER = 512 * 1024 };

struct fake {
	FCGX_Request request;
	FCGX_Stream in, out;
	char *envp[FAKE_PARAMS + 1];
	size_t params;
	unsigned char answer[FAKE_ANSWER];
};

/* The body has ended. */
static void fake_end(FCGX_Stream *stream)
{
	stream->isClosed = 1;
}

/* The client has disconnected. */
static void fake_refuse(FCGX_Stream *stream, int do_close)
{
	(void)do_close;
	stream->isClosed = 1;
}

__attribute__((unused)) static struct fake *fake_new(void)
{
	struct fake *fake = calloc(1, sizeof(*fake));

	assert_non_null(fake);
	fake->in.isReader = 1;
	fake->in.fillBuffProc = fake_end;
	fake->out.wrNext = fake->answer;
	fake->out.stop = fake->answer + FAKE_ANSWER - 1;
	fake->out.emptyBuffProc = fake_refuse;
	fake->request.in = &fake->in;
	fake->request.out = &fake->out;
	fake->request.envp = fake->envp;
	return fake;
}

__attribute__((unused)) static void fake_free(struct fake *fake)
{
	for (size_t i = 0; i < fake->params; i++)
		free(fake->envp[i]);
	free(fake);
}

__attribute__((unused)) static void fake_param(struct fake *fake, const char *name, const char *value)
{
	size_t size = strlen(name) + strlen(value) + 2;

	assert_true(fake->params < FAKE_PARAMS);
	fake->envp[fake->params] = malloc(size);
	assert_non_null(fake->envp[fake->params]);
	snprintf(fake->envp[fake->params++], size, "%s=%s", name, value);
}

/* `bytes` must outlive the request. */
__attribute__((unused)) static void fake_body(struct fake *fake, const char *bytes, size_t len)
{
	fake->in.rdNext = (unsigned char *)(uintptr_t)bytes;
	fake->in.stop = fake->in.rdNext + len;
}

/* Everything sent so far, as text. */
__attribute__((unused)) static const char *fake_answer(struct fake *fake)
{
	*fake->out.wrNext = '\0';
	return (const char *)fake->answer;
}

#endif
