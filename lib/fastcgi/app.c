/* Runs a FastCGI program: threads that accept connections, one answer a request, an orderly shutdown. */
#include "fastcgi/app.h"

#include <fastcgi.h>
#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/version.h"
#include "fastcgi/admission.h"
#include "fastcgi/connections.h"
#include "fastcgi/idempotent.h"
#include "fastcgi/meter.h"
#include "fastcgi/origin.h"
#include "fastcgi/recovery.h"
#include "fastcgi/route.h"
#include "fastcgi/threads.h"
#include "fastcgi/thumb.h"
#include "image/decoder.h"
#include "intake/intent.h"

enum { ALLOW_MAX = 128 };

/* --- one request -------------------------------------------------------------------------------------------------- */

static int may(struct call *call, const char *dataset_name, struct err *err)
{
	const struct route *route = call->route;

	if (dataset_name)
		return call_dataset(call, dataset_name, err);
	if (!(route->asks & ROUTE_OVERALL) || call_role(call, NULL) >= route->needs)
		return 0;
	return err_set(err, ERR_FORBIDDEN, "This needs the role %s on every dataset", role_name(route->needs));
}

static int find_route(struct call *call, const char **dataset_name, struct err *err)
{
	struct buf allow;
	struct err ignored;

	buf_init(&allow, ALLOW_MAX);
	int failed = route_find(call, dataset_name, &allow, err);
	if (failed && err->code == ERR_METHOD)
		reply_header(call->reply, "Allow", buf_text(&allow), &ignored);
	buf_release(&allow);
	return failed;
}

static void app_fail(struct call *call, const struct err *err)
{
	meter_note_failure(call->app->meter, err);
	reply_error(call->reply, err);
}

/* Runs the handler, once for all requests with the same idempotency key. Afterwards the reply is complete. */
static void run_handler(struct call *call)
{
	struct idempotent idempotent;
	struct err err = {0};
	bool answered;

	int failed = idempotent_begin(&idempotent, call, &answered, &err);
	if (!failed && !answered)
		failed = call->route->handle(call, &err);
	if (failed && !call->reply->streaming) {
		app_fail(call, &err);
	} else if (failed) {
		log_write(LOG_ERROR, "stream broke off", "error", err.text, NULL);
		meter_note_failure(call->app->meter, &err);
		call->reply->status = reply_status(err.code); /* for the metrics: another one was sent */
		reply_stream_abort(call->reply);
	}
	idempotent_end(&idempotent, call);
}

/* Takes a place among the requests that wait for their bodies, if this is one of them; non-zero with err. */
static int admit(struct call *call, int *place, struct err *err)
{
	const struct request *request = call->request;

	*place = -1;
	if (!call->app->admission || request->content_length == 0)
		return 0;
	return admission_enter(call->app->admission, request->user, strcmp(request->method, "POST") == 0, place, err);
}

static bool only_reads(const char *method)
{
	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

/* Refuses what no token may do, whatever its maker may. */
static int app_check_token(const struct call *call, struct err *err)
{
	if (!call->is_token)
		return 0;
	if (call->is_read_only && !only_reads(call->request->method))
		return err_set(err, ERR_FORBIDDEN, "This token may only read");
	return call->route->asks & ROUTE_IN_PERSON ? err_set(err, ERR_FORBIDDEN, "This cannot be done with a token") : 0;
}

/* Sets who was let in, and as whom they act. In a request to gate the name is not checked yet. */
static void take_login(struct call *call, char maker[USERFILE_NAME_MAX + 1])
{
	const struct app *app = call->app;

	call->login = call->request->user;
	if (app->program->passwords || !call->login[0])
		return;
	lastuse_note(app->lastuse, call->login, text_now());
	call->is_token = auth_token(app->auth, call->login, maker, &call->is_read_only);
	if (call->is_token)
		call->request->user = maker;
}

static void app_answer(struct call *call, struct err *err)
{
	const char *dataset_name;

	if (find_route(call, &dataset_name, err) || origin_check(call->request, &call->app->config, err) ||
	    app_check_token(call, err) || may(call, dataset_name, err) || route_check_query(call, err))
		app_fail(call, err);
	else
		run_handler(call);
}

/* Reads the rest of the body, as far as it comes in time; returns whether all of it was read. Once a streamed answer
 * has begun, nginx sends no more of the body. */
static bool app_drain(struct call *call)
{
	bool timed_out = call->reply->status == 408;

	if (call->reply->streaming || timed_out)
		return FCGX_HasSeenEOF(call->request->fcgi->in) != 0;
	return request_drain(call->request);
}

static void app_note(const struct call *call, int64_t begun)
{
	const struct meter_request done = {.route = call->route,
	                                   .status = call->reply->status,
	                                   .microseconds = clock_us() - begun,
	                                   .received = call->request->body_read,
	                                   .sent = call->reply->sent};

	meter_note(call->app->meter, &done);
}

/* Returns whether everything that nginx sends for the request was read. */
static bool handle(struct app *app, FCGX_Request *fcgi)
{
	struct request request;
	struct reply reply;
	struct err err = {0};
	struct call call = {.app = app, .begun_us = clock_us(), .request = &request, .reply = &reply};
	char maker[USERFILE_NAME_MAX + 1];
	int place = -1;
	int64_t begun = clock_us();

	reply_init(&reply, fcgi);
	buf_init(&call.rest, REQUEST_URI_MAX);
	bool refused = request_init(&request, fcgi, &err);
	if (!refused)
		take_login(&call, maker);
	refused = refused || admit(&call, &place, &err);
	log_request(request.id, request.traceparent);
	reply.page = request_opens_page(&request) ? request.base_path : NULL;
	reply.problem = request_is_v1(&request);
	if (app->admission)
		request.pace = (struct pace){.seconds = app->config.limits.slow_seconds,
		                             .bytes_a_second = app->config.limits.slow_bytes_per_second};
	if (refused)
		reply_error(&reply, &err);
	else
		app_answer(&call, &err);
	bool drained = !refused && app_drain(&call);
	reply_send(&reply);
	app_note(&call, begun);
	if (place >= 0)
		admission_leave(app->admission, place);
	cJSON_Delete(call.body);
	dataset_info_release(&call.info);
	dataset_close(call.dataset);
	buf_release(&call.rest);
	free(call.base_url);
	request_release(&request);
	reply_release(&reply);
	log_request(NULL, NULL);
	return drained;
}

/* --- threads ------------------------------------------------------------------------------------------------------ */

/* Lets libfcgi's reads give up when nothing comes in for that long. */
static void set_patience(const struct app *app, int connection)
{
	struct timeval patience = {.tv_sec = app->config.limits.slow_seconds};

	if (app->admission)
		setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

static void serve_one(struct app *app, FCGX_Request *fcgi, int connection)
{
	set_patience(app, connection);
	fcgi->ipcFd = connection;
	fcgi->keepConnection = 1; /* until the request says otherwise: without it FCGX_Accept_r closes the connection first */
	if (FCGX_Accept_r(fcgi) < 0)
		return;
	bool drained = handle(app, fcgi);
	if (drained)
		FCGX_Detach(fcgi); /* a closing then does not wait for nginx to close its end */
	else
		fcgi->keepConnection = 1;
	FCGX_Finish_r(fcgi);
	if (fcgi->ipcFd >= 0 && drained)
		connections_keep(app->connections, fcgi->ipcFd);
	else if (fcgi->ipcFd >= 0)
		connections_linger(app->connections, fcgi->ipcFd);
	fcgi->ipcFd = -1;
}

static void serve(void *data, struct threads *threads)
{
	struct app *app = data;
	FCGX_Request fcgi;
	int connection;

	FCGX_InitRequest(&fcgi, -1, 0); /* no socket, so that it does not accept another connection when one is broken */
	while ((connection = connections_next(app->connections)) >= 0) {
		threads_busy(threads);
		serve_one(app, &fcgi, connection);
		threads_idle(threads);
	}
	FCGX_Free(&fcgi, 1);
}

/* libfcgi catches SIGTERM for its own accept, which is not used here: a stop during the start would be forgotten. */
static bool is_fastcgi(void)
{
	sigset_t stops, before;

	sigemptyset(&stops);
	sigaddset(&stops, SIGTERM);
	sigaddset(&stops, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &stops, &before);
	bool is = FCGX_Init() == 0 && !FCGX_IsCGI();
	signal(SIGTERM, SIG_DFL);
	signal(SIGUSR1, SIG_DFL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return is;
}

static void set_up_signals(sigset_t *wanted)
{
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(wanted);
	sigaddset(wanted, SIGTERM);
	sigaddset(wanted, SIGQUIT); /* what multiwatch makes of a SIGTERM */
	sigaddset(wanted, SIGINT);
	sigaddset(wanted, SIGHUP);
	sigaddset(wanted, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, wanted, NULL);
}

static const struct timespec recovery = {.tv_sec = RECOVERY_SECONDS}, tick = {.tv_nsec = APP_TICK_MS * 1000000L};

/* Called by a single thread, beside the requests. */
static void work_beside(struct app *app)
{
	static int64_t recovered_us;
	int64_t now = clock_us();

	if (app->program->tick)
		app->program->tick(app);
	if (app->program->tick && now - recovered_us < RECOVERY_SECONDS * MICROSECONDS)
		return;
	recovered_us = now;
	recovery_tick(app);
}

static int run_threads(struct app *app)
{
	sigset_t wanted;

	set_up_signals(&wanted);
	struct threads *threads = threads_start(app->program->threads, serve, app);
	if (!threads) {
		log_write(LOG_ERROR, "no thread could be started", NULL);
		return 1;
	}
	log_write(LOG_DEBUG, "serving", NULL);
	while (sigtimedwait(&wanted, NULL, app->program->tick ? &tick : &recovery) < 0)
		work_beside(app);
	connections_stop(app->connections);
	threads_join(threads);
	return 0;
}

/* --- set-up ------------------------------------------------------------------------------------------------------- */

static enum log_level level_of(const char *name)
{
	switch (name[0]) {
	case 'e':
		return LOG_ERROR;
	case 'w':
		return LOG_WARN;
	case 'd':
		return LOG_DEBUG;
	default:
		return LOG_INFO;
	}
}

static struct intents *open_intents(const char *state_dir)
{
	struct buf dir;

	buf_init(&dir, PATH_MAX);
	buf_printf(&dir, "%s/pending", state_dir);
	struct intents *intents = intents_new(buf_text(&dir));
	buf_release(&dir);
	return intents;
}

static struct lastuse *open_lastuse(const char *state_dir)
{
	struct buf path;

	buf_init(&path, PATH_MAX);
	buf_printf(&path, "%s/" LASTUSE_NAME, state_dir);
	struct lastuse *lastuse = lastuse_open(buf_text(&path));
	buf_release(&path);
	return lastuse;
}

/* A full disk must not keep the program from serving. */
static struct meter *open_meter(const struct app *app)
{
	struct buf folder;
	struct err err;

	buf_init(&folder, PATH_MAX);
	buf_printf(&folder, "%s/" METER_FOLDER, app->state_dir);
	struct meter *meter = meter_open(buf_text(&folder), app->program->name, app->program->routes, &err);
	if (err.code != ERR_NONE)
		log_write(LOG_WARN, "/metrics will tell nothing of this program's requests", "error", err.text, NULL);
	buf_release(&folder);
	return meter;
}

static int app_open_stores(struct app *app, struct err *err)
{
	const struct program *program = app->program;

	if (program->passwords &&
	    gate_open(&app->gate, app->config.json_user_dir, app->config.limits.human_requests_per_second, err))
		return -1;
	if (!program->no_datasets && dataset_store_open(&app->store, &app->config, err))
		return -1;
	if (app->store)
		roster_init(&app->roster, &app->config, app->store);
	return program->images ? blob_open(&app->blobs, &app->config, err) : 0;
}

static int stores_of(const struct program *program)
{
	return (program->no_datasets ? 0 : CONFIG_DATASETS) | (program->images ? CONFIG_IMAGES : 0);
}

/* Which stores the program opens: image-label-server gives it the secrets of these alone. */
static int tell_stores(const struct program *program, FILE *out)
{
	fprintf(out, "%s %s\n", program->no_datasets ? "" : "datasets", program->images ? "images" : "");
	return fflush(out) == 0 ? 0 : 1;
}

/* The program's table, a route a line, for the test that compares it with openapi.json. */
static int tell_routes(const struct program *program, FILE *out)
{
	for (const struct route *route = program->routes; route->method; route++)
		fprintf(out, "%s\t%s\t%s\t%s\t%s\n", route->method, route->path, role_name(route->needs), route->query,
		        route->fields);
	return fflush(out) == 0 ? 0 : 1;
}

static int tell_version(const struct program *program, FILE *out)
{
	fprintf(out, "%s (image-label-server) %s\n", program->name, version_text);
	return fflush(out) == 0 ? 0 : 1;
}

static int open_app(struct app *app, config_env *environment, struct err *err)
{
	const char *config = environment("IMAGE_LABEL_CONFIG"), *state = environment("IMAGE_LABEL_STATE");

	if (config_load_for(&app->config, config && *config ? config : NULL, environment, stores_of(app->program), err))
		return -1;
	log_init(app->program->name, level_of(app->config.log_level));
	app->state_dir = state ? state : ".";
	app->lastuse = open_lastuse(app->state_dir);
	app->meter = open_meter(app);
	app->recovery = recovery_new();
	if (app->program->images || app->program->thumbs)
		decoder_prepare(err); /* the one that is asked first says why there is none */
	app->admission = app->program->slow_bodies ? admission_new(app->program->threads) : NULL;
	app->intents = app->program->images ? open_intents(app->state_dir) : NULL;
	app->thumbs = app->program->thumbs ? thumbs_new(&app->config, app->state_dir) : NULL;
	return connections_open(&app->connections, FCGI_LISTENSOCK_FILENO, err) ||
	       auth_open(&app->auth, app->config.json_user_dir, err) || app_open_stores(app, err);
}

static void close_app(struct app *app)
{
	connections_free(app->connections);
	admission_free(app->admission);
	blob_free(app->blobs);
	intents_free(app->intents);
	recovery_free(app->recovery);
	thumbs_free(app->thumbs);
	dataset_store_free(app->store);
	gate_free(app->gate);
	lastuse_free(app->lastuse);
	meter_free(app->meter);
	auth_free(app->auth);
	config_release(&app->config);
}

int app_run(const struct program *program, const struct app_process *process)
{
	int argc = process->argc;
	char **argv = process->argv;
	struct app app = {.program = program};
	struct err err = {0};

	if (argc == 2 && strcmp(argv[1], "--stores") == 0)
		return tell_stores(program, process->out);
	if (argc == 2 && strcmp(argv[1], "--routes") == 0)
		return tell_routes(program, process->out);
	if (version_asked(argc, argv))
		return tell_version(program, process->out);
	if (argc > 1 || !is_fastcgi()) {
		fprintf(process->complaints,
		        "%s is a FastCGI program of image-label-server, which starts it; see image-label-server --help\n",
		        program->name);
		return 2;
	}
	log_init(program->name, LOG_INFO);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM); /* must not outlive the supervisor, which would start another one */
	mallopt(M_ARENA_MAX, 2);          /* threads share heaps, which saves memory when idle */
	int status = open_app(&app, process->environment, &err);
	if (status)
		log_write(LOG_ERROR, "cannot start", "error", err.text, NULL);
	else
		status = run_threads(&app);
	close_app(&app);
	return status ? 1 : 0;
}
