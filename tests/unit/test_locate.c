/* Which files of a dataset may be served, and as what type. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "blob/locate.h"
#include "tempdir.h"

#define PNG "\x89PNG\r\n\x1a\n\0\0\0\rIHDR"

static char base[PATH_MAX + 8];   /* the base_dir */
static char beside[PATH_MAX + 8]; /* a folder outside it */

static const char *in(const char *dir, const char *name)
{
	static char path[4][3 * PATH_MAX];
	static int turn;
	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

static void put_png(const char *name)
{
	temp_bytes(name, PNG, sizeof(PNG) - 1);
}

static int set_up(void **state)
{
	tempdir_make(state);
	snprintf(base, sizeof(base), "%s/data", tempdir);
	snprintf(beside, sizeof(beside), "%s/beside", tempdir);
	assert_int_equal(mkdir(base, 0755), 0);
	assert_int_equal(mkdir(beside, 0755), 0);
	put_png("data/a.png");
	put_png("beside/secret.png");
	return 0;
}

static const struct config_list no_roots;

/* nginx looks for symlinks below the root alone. */
static void expect_root(const struct located *found, const struct config_list *roots)
{
	const char *expected = roots->count > 0 ? roots->item[roots->count - 1] : base;
	if (strncmp(found->path, base, strlen(base)) == 0)
		expected = base;
	char *real = realpath(expected, NULL);
	assert_non_null(real);
	assert_int_equal(found->root, strcmp(real, "/") == 0 ? 0 : strlen(real));
	assert_memory_equal(found->path, real, found->root);
	free(real);
}

static void expect_found(const char *filepath, const struct config_list *roots, const char *path)
{
	struct located found;
	struct err err = {0};
	if (locate_file(base, filepath, roots, &found, &err) != 0)
		fail_msg("%s: %s", filepath, err.text);
	assert_string_equal(found.path, path);
	expect_root(&found, roots);
}

static void expect_missing_in(const char *base_dir, const char *filepath, const struct config_list *roots)
{
	struct located found;
	struct err err = {0};
	if (locate_file(base_dir, filepath, roots, &found, &err) == 0)
		fail_msg("%s was found: %s", filepath, found.path);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_string_equal(err.text, "Image file not found");
}

static void expect_missing(const char *filepath)
{
	expect_missing_in(base, filepath, &no_roots);
}

static void finds_a_file_in_base_dir(void **state)
{
	(void)state;
	struct located found;
	struct err err;
	assert_int_equal(locate_file(base, "a.png", &no_roots, &found, &err), 0);
	assert_string_equal(found.path, in(base, "a.png"));
	assert_string_equal(found.type, "image/png");
	assert_int_equal(found.bytes, sizeof(PNG) - 1);
	struct stat st;
	assert_int_equal(stat(found.path, &st), 0);
	assert_int_equal(found.id.inode, st.st_ino);
	assert_int_equal(found.id.bytes, st.st_size);
	assert_int_equal(found.id.modified_ns, (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec);
	assert_int_equal(found.id.changed_ns, (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec);
}

static void finds_odd_names(void **state)
{
	(void)state;
	static const char *const names[] = {
		"with space.png", "50%.png", "a#b?c&d.png", "\"quoted\".png", "'.png", "back\\slash.png",
		"ünïcødé 日本.png", "new\nline.png", "-dash.png", "gone (deleted)",
	};
	assert_int_equal(mkdir(in(base, "sub folder"), 0755), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char name[NAME_MAX];
		snprintf(name, sizeof(name), "data/sub folder/%s", names[i]);
		put_png(name);
		expect_found(name + 5, &no_roots, temp(name));
	}
}

static void follows_dots_and_links_that_stay_inside(void **state)
{
	(void)state;
	assert_int_equal(mkdir(in(base, "sub"), 0755), 0);
	assert_int_equal(symlink("../a.png", in(base, "sub/relative.png")), 0);
	assert_int_equal(symlink(in(base, "a.png"), in(base, "absolute.png")), 0);
	const char *real = in(base, "a.png");
	expect_found("./a.png", &no_roots, real);
	expect_found("sub/../a.png", &no_roots, real);
	expect_found("sub//..//a.png", &no_roots, real);
	expect_found("sub/relative.png", &no_roots, real);
	expect_found("absolute.png", &no_roots, real);
	expect_found("../data/a.png", &no_roots, real);
	expect_found(real, &no_roots, real);
}

static void base_dir_may_be_a_link_itself(void **state)
{
	(void)state;
	assert_int_equal(symlink(base, temp("alias")), 0);
	struct located found;
	struct err err;
	assert_int_equal(locate_file(temp("alias"), ".//a.png", NULL, &found, &err), 0);
	assert_string_equal(found.path, temp("alias/a.png"));
	assert_int_equal(found.root, strlen(temp("alias")));
	assert_int_equal(symlink("a.png", in(base, "link.png")), 0);
	assert_int_equal(locate_file(temp("alias/"), "link.png", NULL, &found, &err), 0);
	assert_string_equal(found.path, in(base, "a.png"));
	assert_int_equal(found.root, strlen(base));
}

static void refuses_what_lies_outside(void **state)
{
	(void)state;
	assert_int_equal(symlink("../beside/secret.png", in(base, "link.png")), 0);
	assert_int_equal(symlink("../beside", in(base, "folder")), 0);
	assert_int_equal(symlink("/proc/self/root", in(base, "magic")), 0);
	expect_missing("../beside/secret.png");
	expect_missing("../../../../../../../../etc/passwd");
	expect_missing("/etc/passwd");
	expect_missing(in(beside, "secret.png"));
	expect_missing("link.png");
	expect_missing("folder/secret.png");
	expect_missing("magic/etc/passwd");
	expect_missing("/proc/self/environ");
}

/* Compares components: data-more is not in data. */
static void a_longer_name_is_another_folder(void **state)
{
	(void)state;
	assert_int_equal(mkdir(temp("data-more"), 0755), 0);
	put_png("data-more/b.png");
	expect_missing("../data-more/b.png");
	struct config_list roots = {.count = 1, .item = {(char *)temp("data-mor")}};
	expect_missing_in(base, "../data-more/b.png", &roots);
}

static void image_roots_open_other_folders(void **state)
{
	(void)state;
	assert_int_equal(symlink("../beside/secret.png", in(base, "link.png")), 0);
	assert_int_equal(symlink(beside, temp("root")), 0); /* a root may be named by a link */
	char root[2 * PATH_MAX];
	snprintf(root, sizeof(root), "%s/root", tempdir);
	struct config_list roots = {.count = 2, .item = {"/nowhere", root}};
	const char *real = in(beside, "secret.png");
	expect_found("link.png", &roots, real);
	expect_found("../beside/secret.png", &roots, real);
	expect_found(real, &roots, real);
	expect_missing_in(base, "/etc/passwd", &roots);
	struct config_list relative = {.count = 1, .item = {"beside"}};
	expect_missing_in(base, "link.png", &relative);
	struct config_list everything = {.count = 1, .item = {"/"}};
	expect_found("link.png", &everything, real);
}

static void refuses_what_names_nothing(void **state)
{
	(void)state;
	expect_missing("");
	expect_missing("missing.png");
	expect_missing("a.png/");
	expect_missing("a.png/b.png");
	expect_missing(".");
	expect_missing("..");
	expect_missing("/");
	expect_missing_in("", "a.png", &no_roots);
	expect_missing_in("data", "a.png", &no_roots);
	expect_missing_in("", in(base, "a.png"), &no_roots);
	expect_missing_in(NULL, "a.png", &no_roots);
	expect_missing(NULL);
	assert_int_equal(symlink("loop", in(base, "loop")), 0);
	expect_missing("loop");
	char name[5000];
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	expect_missing(name);
}

static void refuses_what_is_no_regular_file(void **state)
{
	(void)state;
	assert_int_equal(mkdir(in(base, "folder.png"), 0755), 0);
	assert_int_equal(mkfifo(in(base, "fifo.png"), 0644), 0); /* opening it for reading would hang */
	expect_missing("folder.png");
	expect_missing("fifo.png");
	struct config_list devices = {.count = 1, .item = {"/dev"}};
	expect_missing_in(base, "/dev/zero", &devices);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "%.60s/data/s.png", tempdir);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	expect_missing("s.png");
}

static void refuses_what_cannot_be_read(void **state)
{
	(void)state;
	if (geteuid() == 0) { /* root reads everything; a child that is not root cannot */
		assert_int_equal(chmod(tempdir, 0755), 0);
		assert_int_equal(chmod(in(base, "a.png"), 0600), 0);
		pid_t child = fork();
		if (child == 0) {
			struct located found;
			_exit(setresuid(65534, 65534, 65534) == 0 &&
			      locate_file(base, "a.png", NULL, &found, NULL) != 0 ? 0 : 1);
		}
		int status;
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
		return;
	}
	assert_int_equal(chmod(in(base, "a.png"), 0), 0);
	expect_missing("a.png");
}

static enum err_code why_not(const char *filepath)
{
	struct located found;
	struct err err = {0};
	return locate_file(base, filepath, NULL, &found, &err) == 0 ? ERR_NONE : err.code;
}

static void only_what_is_proven_of_the_file_itself_is_missing(void **state)
{
	char away[PATH_MAX + 16], name[300] = "";
	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	put_png("data/file");
	assert_int_equal(symlink("loop.png", in(base, "loop.png")), 0);
	assert_int_equal(why_not("none.png"), ERR_NOT_FOUND);
	assert_int_equal(why_not("file/a.png"), ERR_NOT_FOUND);
	assert_int_equal(why_not("loop.png"), ERR_NOT_FOUND);
	assert_int_equal(why_not(name), ERR_NOT_FOUND);
	assert_int_equal(why_not("../beside/secret.png"), ERR_NOT_FOUND);
	snprintf(away, sizeof(away), "%s.away", base);
	assert_int_equal(rename(base, away), 0);
	assert_int_equal(why_not("a.png"), ERR_UNAVAILABLE);
	assert_int_equal(why_not("none.png"), ERR_UNAVAILABLE);
	assert_int_equal(rename(away, base), 0);
	assert_int_equal(why_not("a.png"), ERR_NONE);
}

static void a_program_out_of_descriptors_finds_nothing_missing(void **state)
{
	struct rlimit was, none;
	enum err_code there, missing;
	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = was;
	for (int left = 0; left < 3; left++) { /* those that it may have yet */
		int next = open("/dev/null", O_RDONLY);
		assert_true(next >= 0);
		none.rlim_cur = (rlim_t)(next + left);
		close(next);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
		there = why_not("a.png");
		missing = why_not("none.png");
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
		assert_true(there == ERR_NONE || there == ERR_UNAVAILABLE);
		assert_int_equal(missing, left < 2 ? ERR_UNAVAILABLE : ERR_NOT_FOUND);
	}
}

static void a_folder_that_may_not_be_searched_makes_nothing_missing(void **state)
{
	(void)state;
	assert_int_equal(chmod(tempdir, 0755), 0);
	assert_int_equal(chmod(base, 0600), 0);
	pid_t child = fork();
	if (child == 0)
		_exit((geteuid() != 0 || setresuid(65534, 65534, 65534) == 0) && why_not("a.png") == ERR_UNAVAILABLE ? 0 : 1);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(chmod(base, 0755), 0);
	assert_int_equal(status, 0);
}

/* A file that is replaced by rename all the time is found each time, under its name. */
static atomic_bool stop_replacing;

static void a_glance_tells_what_is_there_and_what_is_gone(void **state)
{
	struct located_id seen;
	struct stat st;

	(void)state;
	assert_int_equal(stat(in(base, "a.png"), &st), 0);
	assert_int_equal(locate_glance(base, "a.png", &seen), LOCATE_THERE);
	assert_int_equal(seen.bytes, st.st_size);
	assert_int_equal(seen.modified_ns, st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec);
	assert_int_equal(locate_glance("/nowhere", in(base, "a.png"), &seen), LOCATE_THERE);
	assert_int_equal(locate_glance(base, "b.png", &seen), LOCATE_GONE);
	assert_int_equal(locate_glance(base, "a.png/b.png", &seen), LOCATE_GONE);
	assert_int_equal(locate_glance(base, "", &seen), LOCATE_UNSURE); /* a folder */
	assert_int_equal(locate_glance(in(base, "not mounted"), "a.png", &seen), LOCATE_UNSURE);
	assert_int_equal(locate_glance(in(base, "a.png"), "a.png", &seen), LOCATE_UNSURE);
	assert_int_equal(locate_glance("", "a.png", &seen), LOCATE_UNSURE);
	char longest[2 * PATH_MAX];
	memset(longest, 'l', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(locate_glance(base, longest, &seen), LOCATE_UNSURE);
}

static void *replace(void *unused)
{
	(void)unused;
	char from[2 * PATH_MAX], to[2 * PATH_MAX];
	snprintf(from, sizeof(from), "%s/new", base);
	snprintf(to, sizeof(to), "%s/busy.png", base);
	while (!atomic_load(&stop_replacing)) {
		int fd = open(from, O_WRONLY | O_CREAT, 0644);
		if (fd < 0 || rename(from, to) != 0)
			abort();
		close(fd);
	}
	return NULL;
}

static void never_tells_a_name_that_is_gone(void **state)
{
	(void)state;
	put_png("data/busy.png");
	atomic_store(&stop_replacing, false);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, replace, NULL), 0);
	int found_times = 0;
	for (int i = 0; i < 2000; i++) {
		struct located found;
		struct err err;
		if (locate_file(base, "busy.png", NULL, &found, &err) == 0) {
			assert_string_equal(found.path, in(base, "busy.png"));
			found_times++;
		}
	}
	atomic_store(&stop_replacing, true);
	pthread_join(thread, NULL);
	assert_true(found_times > 0);
}

/* As on a kernel before 5.6, or in a container that knows no openat2. */
static void forbid_openat2(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		_exit(2);
}

static void works_without_openat2(void **state)
{
	(void)state;
	assert_int_equal(symlink("../beside/secret.png", in(base, "link.png")), 0);
	pid_t child = fork();
	if (child == 0) {
		struct located found;
		forbid_openat2();
		bool right = locate_file(base, "a.png", NULL, &found, NULL) == 0 &&
		             strcmp(found.type, "image/png") == 0 &&
		             locate_file(base, "link.png", NULL, &found, NULL) != 0 &&
		             locate_file(base, "../beside/secret.png", NULL, &found, NULL) != 0 &&
		             locate_file(base, "/etc/passwd", NULL, &found, NULL) != 0;
		_exit(right ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static const char *type_of(const char *name, const void *bytes, size_t len)
{
	static struct located found;
	char path[NAME_MAX];
	snprintf(path, sizeof(path), "data/%s", name);
	temp_bytes(path, bytes, len);
	assert_int_equal(locate_file(base, name, NULL, &found, NULL), 0);
	return found.type;
}

static void content_tells_the_type_before_the_name_does(void **state)
{
	(void)state;
	assert_string_equal(type_of("really-png.jpg", PNG, sizeof(PNG) - 1), "image/png");
	assert_string_equal(type_of("noname", PNG, sizeof(PNG) - 1), "image/png");
	assert_string_equal(type_of("other.JPG", "text", 4), "image/jpeg");
	assert_string_equal(type_of("other.avif", "text", 4), "image/avif");
	assert_string_equal(type_of("empty.webp", "", 0), "image/webp");
	assert_string_equal(type_of("page.html", "<html>", 6), "application/octet-stream");
	assert_string_equal(type_of("drawing.svg", "<svg/>", 6), "application/octet-stream");
	assert_string_equal(type_of("plain", "text", 4), "application/octet-stream");
	assert_string_equal(type_of("ends-with-dot.", "text", 4), "application/octet-stream");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tempdir_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(finds_a_file_in_base_dir),
		TEST(finds_odd_names),
		TEST(follows_dots_and_links_that_stay_inside),
		TEST(base_dir_may_be_a_link_itself),
		TEST(refuses_what_lies_outside),
		TEST(a_longer_name_is_another_folder),
		TEST(image_roots_open_other_folders),
		TEST(refuses_what_names_nothing),
		TEST(refuses_what_is_no_regular_file),
		TEST(refuses_what_cannot_be_read),
		TEST(only_what_is_proven_of_the_file_itself_is_missing),
		TEST(a_program_out_of_descriptors_finds_nothing_missing),
		TEST(a_folder_that_may_not_be_searched_makes_nothing_missing),
		TEST(a_glance_tells_what_is_there_and_what_is_gone),
		TEST(never_tells_a_name_that_is_gone),
		TEST(works_without_openat2),
		TEST(content_tells_the_type_before_the_name_does),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
