/* A test's own home folder, environment and configuration file. Include after cmocka.h. */
#ifndef TESTS_UNIT_CONFIG_FILE_H
#define TESTS_UNIT_CONFIG_FILE_H

#include "base/config.h"
#include "tempdir.h"

enum { VARIABLES_MAX = 16 };
static struct {
	const char *name, *value;
} variables[VARIABLES_MAX];
static char home[PATH_MAX + 10];

__attribute__((unused)) static const char *env(const char *name)
{
	for (size_t i = 0; i < VARIABLES_MAX && variables[i].name; i++)
		if (!strcmp(variables[i].name, name))
			return variables[i].value;
	return NULL;
}

__attribute__((unused)) static void set_env(const char *name, const char *value)
{
	for (size_t i = 0; i < VARIABLES_MAX; i++) {
		if (!variables[i].name || !strcmp(variables[i].name, name)) {
			variables[i].name = name;
			variables[i].value = value;
			return;
		}
	}
	fail();
}

/* Puts each test into an empty folder with a home in it, and only HOME in its environment. */
__attribute__((unused)) static int start(void **state)
{
	if (tempdir_make(state) || chdir(tempdir))
		return -1;
	snprintf(home, sizeof(home), "%s/home", tempdir);
	memset(variables, 0, sizeof(variables));
	set_env("HOME", home);
	return mkdir(home, 0700);
}

__attribute__((unused)) static int end(void **state)
{
	return chdir("/") || tempdir_remove(state);
}

__attribute__((unused)) static struct config loaded(const char *path)
{
	struct config config;
	struct err err = { 0 };

	if (config_load(&config, path, env, &err))
		fail_msg("%s", err.text);
	return config;
}

/* Writes a JSON file; ' stands for its quotes here. */
__attribute__((unused)) static void config_text(const char *name, const char *text)
{
	char *json = strdup(text);

	assert_non_null(json);
	for (char *c = json; *c; c++)
		if (*c == '\'')
			*c = '"';
	temp_text(name, json);
	free(json);
}

__attribute__((unused)) static struct config loaded_text(const char *text)
{
	config_text("config.json", text);
	return loaded(temp("config.json"));
}

__attribute__((unused)) static void assert_fails(const char *path, const char *message)
{
	struct config config;
	struct err err = { 0 };

	if (!config_load(&config, path, env, &err))
		fail_msg("loaded, though: %s", message);
	assert_string_equal(err.text, message);
	assert_null(config.json_db_dir);
}

/* The message must begin with the file's path. */
__attribute__((unused)) static void assert_refused(const char *text, const char *message)
{
	char expected[PATH_MAX + ERR_TEXT_MAX];

	config_text("config.json", text);
	snprintf(expected, sizeof(expected), "%s%s", temp("config.json"), message);
	assert_fails(temp("config.json"), expected);
}

__attribute__((unused)) static void assert_path(const char *path, const char *below_tempdir)
{
	assert_string_equal(path, temp(below_tempdir));
}

/* For a text of one line. */
__attribute__((unused)) static void assert_line_refused(const char *text, const char *message)
{
	char with_line[ERR_TEXT_MAX];

	snprintf(with_line, sizeof(with_line), ": line 1: %s", message);
	assert_refused(text, with_line);
}

#define CONFIG_TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

#endif
