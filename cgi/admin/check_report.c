/* Counts, prints and describes what a check has found. */
#include "check_report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/json.h"

static const struct {
	const char *name, *words;
} kinds[CHECK_KINDS] = {
	{"database", "the database is damaged"},
	{"counts", "kept counts are wrong"},
	{"statistics", "counts for the statistics are wrong"},
	{"history", "labels that nothing in the sample's history says"},
	{"missing", "images that are not in the image store"},
	{"size", "images of another size in the image store"},
	{"folder", "files that are not in the dataset's folder"},
	{"orphan", "objects in the image store that belong to nothing"},
	{"thumbnail", "thumbnails of what is no more"},
};

void check_found(struct check_report *report, enum check_kind kind, bool repaired, const char *format, ...)
{
	struct check_finding *finding = &report->of[kind];
	va_list values;

	finding->found++;
	finding->repaired += repaired;
	if (finding->shown == CHECK_EXAMPLES)
		return;
	va_start(values, format);
	vsnprintf(finding->examples[finding->shown++], CHECK_EXAMPLE_BYTES, format, values);
	va_end(values);
}

int64_t check_left(const struct check_report *report)
{
	int64_t left = 0;

	for (int kind = 0; kind < CHECK_KINDS; kind++)
		left += report->of[kind].found - report->of[kind].repaired;
	return left;
}

static void print_finding(const struct check_finding *finding, const char *words)
{
	printf("%s: %" PRId64, words, finding->found);
	if (finding->repaired > 0)
		printf(", repaired: %" PRId64, finding->repaired);
	printf("\n");
	for (size_t i = 0; i < finding->shown; i++)
		printf("  %s\n", finding->examples[i]);
	if (finding->found > (int64_t)finding->shown)
		printf("  (and %" PRId64 " more)\n", finding->found - (int64_t)finding->shown);
}

void check_print(const struct check_report *report)
{
	for (int kind = 0; kind < CHECK_KINDS; kind++) {
		if (report->of[kind].found > 0)
			print_finding(&report->of[kind], kinds[kind].words);
	}
	printf("%" PRId64 " datasets, %" PRId64 " samples, %" PRId64 " objects checked: ", report->datasets, report->samples,
	       report->images);
	if (report->unchecked > 0)
		printf("not all of it could be checked\n");
	else
		printf("%s\n", check_left(report) > 0 ? "not well" : "all is well");
}

static cJSON *finding_json(const struct check_finding *finding)
{
	cJSON *tree = json_new_object(), *examples = json_new_array();

	json_add_int64(tree, "found", finding->found);
	json_add_int64(tree, "repaired", finding->repaired);
	for (size_t i = 0; i < finding->shown; i++)
		json_append_string(examples, finding->examples[i]);
	json_add(tree, "examples", examples);
	return tree;
}

cJSON *check_json(const struct check_report *report)
{
	cJSON *tree = json_new_object(), *findings = json_new_object();

	json_add_bool(tree, "well", report->unchecked == 0 && check_left(report) == 0);
	json_add_int64(tree, "datasets", report->datasets);
	json_add_int64(tree, "samples", report->samples);
	json_add_int64(tree, "objects", report->images);
	json_add_int64(tree, "unchecked", report->unchecked);
	for (int kind = 0; kind < CHECK_KINDS; kind++)
		json_add(findings, kinds[kind].name, finding_json(&report->of[kind]));
	json_add(tree, "findings", findings);
	return tree;
}
