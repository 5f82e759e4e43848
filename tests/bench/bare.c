/* The ceiling of a FastCGI program: libfcgi, threads that share the socket, and nothing else.
 *
 * Like size.c it takes a POST of JSON and answers JSON, but looks at neither; with PATH it has nginx answer with that file instead,
 * by X-Accel-Redirect. usage: spawn-fcgi … -- bare THREADS [PATH] */
#include <fcgiapp.h>
#include <pthread.h>
#include <stdlib.h>

enum { THREADS_MAX = 256 };

static void *serve(void *path)
{
	FCGX_Request request;
	char body[4096];

	FCGX_InitRequest(&request, 0, 0);
	while (FCGX_Accept_r(&request) == 0) {
		while (FCGX_GetStr(body, sizeof(body), request.in) > 0)
			;
		if (path)
			FCGX_FPrintF(request.out, "Status: 200\r\nContent-Type: image/png\r\nX-Accel-Redirect: %s\r\n\r\n",
			             (const char *)path);
		else
			FCGX_PutS("Status: 200\r\nContent-Type: application/json\r\nContent-Length: 34\r\n\r\n"
			          "{\"dataset_name\":\"small\",\"size\":0}\n",
			          request.out);
		FCGX_Finish_r(&request);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	long threads = argc > 1 ? strtol(argv[1], NULL, 10) : 1;
	pthread_t thread[THREADS_MAX];

	if (threads < 1 || threads > THREADS_MAX || FCGX_Init() != 0)
		return 2;
	for (long i = 0; i < threads; i++) {
		if (pthread_create(&thread[i], NULL, serve, argc > 2 ? argv[2] : NULL) != 0)
			return 1;
	}
	for (long i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	return 0;
}
