/* /v1/datasets/{d}/export: a dataset in the format that a trainer's loader reads, streamed. */
#include "export/export.h"

#include <locale.h>

#include "fastcgi/filter.h"
#include "program.h"

#define SHARDED "split seed snapshot " FILTER_NAMES

static const struct route routes[] = {
	{"GET", "/v1/datasets/{dataset}/export", ROLE_VIEWER, export_whole, false, "format as " SHARDED, ""},
	{"GET", "/v1/datasets/{dataset}/export/webdataset", ROLE_VIEWER, export_index, false, SHARDED, ""},
	{"GET", "/v1/datasets/{dataset}/export/webdataset/{shard}", ROLE_VIEWER, export_shard, false, SHARDED, ""},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {.name = "export", .routes = routes, .threads = 128, .images = true};

	setlocale(LC_CTYPE, "C.UTF-8"); /* for the names given to libarchive */
	return program_run(&program, argc, argv);
}
