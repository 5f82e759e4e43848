/* The uploading client: its command line, and its work: look through, ask, send, report. */
#include "upload.h"

#include <getopt.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "intake/archive_name.h"
#include "send.h"

enum { JOBS = 8, NETRC_BYTES = 4096, NO_PROXY_BYTES = 4096 };

static volatile sig_atomic_t stopped; /* the signal that came */

struct options {
	struct http_server server;
	const char *dataset, *path, *label, *names;
	bool no_label;
	struct config_list skip; /* borrowed */
	int64_t jobs;
	struct buf base, netrc, no_proxy;
};

struct upload {
	struct options options;
	struct remote remote;
	struct source source;
	struct report report;
};

/* --- the command line --------------------------------------------------------------------------------------------- */

static int wrong(struct err *err, const char *what)
{
	return err_set(err, ERR_BAD_REQUEST, "%s (see image-label-load --help)", what);
}

static int add_skip(struct options *options, char *name, struct err *err)
{
	if (options->skip.count == CONFIG_LIST_MAX)
		return wrong(err, "Too many --skip");
	options->skip.item[options->skip.count++] = name;
	return 0;
}

static int set_option(struct options *options, int option, char **argv, struct err *err)
{
	switch (option) {
	case 'u': options->server.user = optarg; return 0;
	case 'b': buf_clear(&options->base); return buf_str(&options->base, optarg) ? wrong(err, "--base is too long") : 0;
	case 'd': options->dataset = optarg; return 0;
	case 'l': options->label = optarg; return 0;
	case 'n': options->no_label = true; return 0;
	case 'N': options->names = optarg; return 0;
	case 's': return add_skip(options, optarg, err);
	case 'r': options->server.netrc = optarg; return 0;
	case 'c': options->server.cacert = optarg; return 0;
	case 'i': options->server.insecure = true; return 0;
	case 'j':
		if (text_int64(optarg, 1, SEND_JOBS_MAX, &options->jobs))
			return err_set(err, ERR_BAD_REQUEST, "--jobs takes a number from 1 to %d", SEND_JOBS_MAX);
		return 0;
	default:
		return err_set(err, ERR_BAD_REQUEST, "Unknown option or missing value: %s (see image-label-load --help)",
		               argv[optind - 1]);
	}
}

static int upload_parse(struct options *options, int argc, char **argv, struct err *err)
{
	static const struct option names[] = {
		{"user", required_argument, NULL, 'u'},    {"base", required_argument, NULL, 'b'},
		{"dataset", required_argument, NULL, 'd'}, {"jobs", required_argument, NULL, 'j'},
		{"label", required_argument, NULL, 'l'},   {"no-label", no_argument, NULL, 'n'},
		{"names", required_argument, NULL, 'N'},
		{"skip", required_argument, NULL, 's'},    {"netrc-file", required_argument, NULL, 'r'},
		{"cacert", required_argument, NULL, 'c'},  {"insecure", no_argument, NULL, 'i'},
		{0},
	};
	int option;

	optind = 0;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "u:b:d:j:", names, NULL)) != -1)
		if (set_option(options, option, argv, err))
			return -1;
	if (argc - optind != 1)
		return wrong(err, argc == optind ? "Give a folder or an archive" : "Give one folder or archive at a time");
	options->path = argv[optind];
	return 0;
}

static int check_base(struct options *options, struct err *err)
{
	const char *base = buf_text(&options->base);
	const char *host = strstr(base, "://");

	if ((strncasecmp(base, "http://", 7) != 0 && strncasecmp(base, "https://", 8) != 0) || strchr("/", host[3]))
		return err_set(err, ERR_BAD_REQUEST, "--base takes an http:// or https:// URL, not \"%s\"", base);
	if (strpbrk(base, "@?#"))
		return wrong(err, "--base takes an address alone: the user's name belongs into --user");
	while (options->base.data[options->base.len - 1] == '/')
		options->base.data[--options->base.len] = '\0';
	options->server.base = options->base.data;
	return 0;
}

static int check_credentials(struct options *options, config_env *env, struct err *err)
{
	const char *password = env("IMAGE_LABEL_PASSWORD"), *home = env("HOME");

	if (options->server.user && strchr(options->server.user, ':'))
		return wrong(err, "A user name has no \":\"");
	if (password && *password) {
		options->server.password = password;
		return options->server.user ? 0 : wrong(err, "No user given: --user NAME");
	}
	if (!options->server.netrc) {
		buf_printf(&options->netrc, "%s/.netrc", home ? home : "");
		options->server.netrc = buf_text(&options->netrc);
	}
	if (access(options->server.netrc, R_OK))
		return err_set(err, ERR_BAD_REQUEST,
		               "No password: give --password, $IMAGE_LABEL_PASSWORD or a netrc (there is no %s)",
		               options->server.netrc);
	return 0;
}

static int upload_check(struct options *options, config_env *env, struct err *err)
{
	const char *no_proxy = env("no_proxy");

	if (!no_proxy)
		no_proxy = env("NO_PROXY");
	buf_printf(&options->no_proxy, "%s,127.0.0.1,localhost,::1", no_proxy ? no_proxy : "");
	options->server.no_proxy = buf_text(&options->no_proxy);
	options->server.stopped = &stopped;
	if (!options->dataset)
		return wrong(err, "No dataset given: --dataset NAME");
	if (options->names && !archive_name_knows(options->names))
		return wrong(err, "--names takes a charset that this machine knows, such as cp932");
	if (options->label && options->no_label)
		return wrong(err, "Either --label or --no-label");
	if (options->no_label)
		options->label = "";
	else if (options->label && text_check_label(options->label, err))
		return -1;
	return text_check_dataset_name(options->dataset, err) || check_base(options, err) ||
	       check_credentials(options, env, err);
}

/* --- the work ----------------------------------------------------------------------------------------------------- */

static void stop(int signal)
{
	stopped = signal;
}

/* A second signal ends the program at once. */
static void upload_catch_signals(void)
{
	struct sigaction action = {.sa_handler = stop, .sa_flags = (int)SA_RESETHAND};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void listed(void *data, size_t count)
{
	struct upload *upload = data;

	progress_show(&upload->report.progress, count, 0, "asking what is there already");
}

static int send_images(struct upload *upload, config_env *env, struct err *err)
{
	const struct options *options = &upload->options;
	const char *tmp = env("TMPDIR");
	const struct source_options sources = {
		.label = options->label, .skip = &options->skip, .tmp = tmp && *tmp ? tmp : "/tmp", .stopped = &stopped,
		.names = options->names};
	const struct report *report = &upload->report;

	report_start(&upload->report);
	if (source_open(&upload->source, options->path, &sources, &upload->report, err) ||
	    remote_open(&upload->remote, &options->server, options->dataset, listed, upload, err))
		return -1;
	report_start_sending(&upload->report);
	int failed = send_all(&upload->remote, &upload->source, &upload->report, (int)options->jobs, err);
	size_t images = report->loaded + report->duplicate + report->failed;
	if ((!failed || images) && report_print(&upload->report, options->dataset, failed ? NULL : err))
		failed = -1;
	if (upload->source.guessed)
		fprintf(stderr, "image-label-load: warning: the names of %zu entries are not UTF-8 and were read as %s: give their "
		        "charset as --names, such as --names cp932\n", upload->source.guessed, upload->source.guess);
	if (!failed && !stopped && images == 0)
		failed = err_set(err, ERR_NOT_FOUND, "There is no image in %s", options->path);
	return failed;
}

static int upload_all(struct upload *upload, config_env *env, struct err *err)
{
	upload_catch_signals();
	curl_global_init(CURL_GLOBAL_DEFAULT);
	int failed = send_images(upload, env, err);
	progress_end(&upload->report.progress);
	if (stopped)
		fprintf(stderr, "image-label-load: Interrupted; the same command goes on from here\n");
	else if (failed)
		fprintf(stderr, "image-label-load: %s\n", err->text);
	remote_release(&upload->remote);
	source_release(&upload->source);
	curl_global_cleanup();
	if (stopped)
		return 128 + stopped;
	return failed || upload->report.failed ? UPLOAD_FAILED : UPLOAD_DONE;
}

int upload_run(int argc, char **argv, config_env *env)
{
	struct upload *upload = memory_new(1, sizeof(*upload));
	struct options *options = &upload->options;
	struct err err = {0};
	int status = UPLOAD_USAGE;

	options->jobs = JOBS;
	options->skip = (struct config_list){.count = 1, .item = {(char *)"BACKGROUND_Google"}};
	buf_init(&options->base, NETRC_BYTES);
	buf_init(&options->netrc, NETRC_BYTES);
	buf_init(&options->no_proxy, NO_PROXY_BYTES);
	buf_str(&options->base, "http://127.0.0.1:44444");
	if (upload_parse(options, argc, argv, &err) || upload_check(options, env, &err))
		fprintf(stderr, "image-label-load: %s\n", err.text);
	else
		status = upload_all(upload, env, &err);
	report_release(&upload->report);
	buf_release(&options->base);
	buf_release(&options->netrc);
	buf_release(&options->no_proxy);
	free(upload);
	return status;
}
