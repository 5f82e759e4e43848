/* Reads the options of a subcommand. */
#include "admin.h"

int admin_options(int argc, char **argv, const char *letters, const struct option *names, admin_option *take,
                  void *options, struct err *err)
{
	int letter;

	optind = 0;
	opterr = 0;
	while ((letter = getopt_long(argc, argv, letters, names, NULL)) != -1) {
		if (letter == '?')
			return err_set(err, ERR_BAD_REQUEST, "unknown option or missing value: %s", argv[optind - 1]);
		if (take(options, letter, optarg, err))
			return -1;
	}
	return 0;
}

int admin_no_more(int argc, char **argv, struct err *err)
{
	return optind < argc ? err_set(err, ERR_BAD_REQUEST, "unexpected argument: %s", argv[optind]) : 0;
}
