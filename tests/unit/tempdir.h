/* A folder of its own for each test, and functions to look into it. Include after cmocka.h. */
#ifndef TESTS_UNIT_TEMPDIR_H
#define TESTS_UNIT_TEMPDIR_H

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char tempdir[PATH_MAX]; /* real path */

/* The path of `name` in the folder; lives for a few more calls. */
__attribute__((unused)) static const char *temp(const char *name)
{
	static char path[8][3 * PATH_MAX];
	static unsigned turn;
	turn = (turn + 1) % 8;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", tempdir, name);
	return path[turn];
}

__attribute__((unused)) static void temp_bytes(const char *name, const void *bytes, size_t len)
{
	int fd = open(temp(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		fail_msg("%s cannot be made", temp(name));
	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
	close(fd);
}

__attribute__((unused)) static void temp_text(const char *name, const char *text)
{
	temp_bytes(name, text, strlen(text));
}

/* A file's text; the caller frees it. NULL when there is none. */
__attribute__((unused)) static char *temp_read(const char *name)
{
	FILE *file = fopen(temp(name), "re");
	if (!file)
		return NULL;
	char *text = NULL;
	size_t size = 0;
	ssize_t len = getdelim(&text, &size, '\0', file);
	fclose(file);
	if (len < 0) {
		free(text);
		return strdup("");
	}
	return text;
}

__attribute__((unused)) static int tempdir_make(void **state)
{
	(void)state;
	char made[] = "/tmp/image-label-test.XXXXXX";
	assert_non_null(mkdtemp(made));
	assert_non_null(realpath(made, tempdir));
	return 0;
}

static int tempdir_remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

__attribute__((unused)) static int tempdir_remove(void **state)
{
	(void)state;
	return nftw(tempdir, tempdir_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#define TEMPDIR_TEST(name) cmocka_unit_test_setup_teardown(name, tempdir_make, tempdir_remove)

#endif
