/* The image store in files: what only files can show (inodes, full disks, crashes); the rest is in
 * contract/test_blob.c. */
#include "fs_store.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "blob/key.h"

static int files_seen;
static int count_file(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)path, (void)st, (void)ftw;
	files_seen += flag == FTW_F;
	return 0;
}

static int count_files(const char *dir)
{
	files_seen = 0;
	nftw(dir, count_file, 16, FTW_PHYS);
	return files_seen;
}

static int put_text(struct fixture *f, const char *key, const char *text, bool public_read)
{
	struct blob_put put = {.key = key, .type = "image/png", .public_read = public_read, .bytes = text,
	                       .length = (int64_t)strlen(text)};
	memset(&f->err, 0, sizeof(f->err));
	return blob_put(f->store, &put, &f->err);
}

static int make_file(struct fixture *f, const char *name, const char *text, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s", f->dir, name);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	return fd;
}

/* Runs `body` in a process of its own and returns its wait status; body returns its exit status. */
static int in_child(struct fixture *f, int (*body)(struct fixture *f))
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(body(f));
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* --- where objects lie ---------------------------------------------------------------------------------- */

static void private_and_public_objects_lie_in_trees_of_their_own(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX], want[PATH_MAX + 64], real[PATH_MAX];
	assert_non_null(realpath(f->dir, real));
	assert_int_equal(put_text(f, "images/cat/a.png", "cat", true), 0);
	assert_int_equal(put_text(f, "datasets/d/images/cat/b.png", "cat", false), 0);
	assert_int_equal(blob_path(f->store, "images/cat/a.png", path, &f->err), 0);
	snprintf(want, sizeof(want), "%s/public/images/cat/a.png", real);
	assert_string_equal(path, want);
	assert_int_equal(blob_path(f->store, "datasets/d/images/cat/b.png", path, &f->err), 0);
	snprintf(want, sizeof(want), "%s/private/datasets/d/images/cat/b.png", real);
	assert_string_equal(path, want);
	assert_true(blob_path(f->store, "images/cat/none.png", path, &f->err));
	assert_int_equal(f->err.code, ERR_NOT_FOUND);
}

static void changing_to_public_moves_the_file(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX];
	assert_int_equal(put_text(f, "datasets/d/a.png", "cat", false), 0);
	assert_int_equal(blob_set_public(f->store, "datasets/d/a.png", true, &f->err), 0);
	assert_int_equal(blob_path(f->store, "datasets/d/a.png", path, &f->err), 0);
	assert_non_null(strstr(path, "/public/datasets/d/a.png"));
	assert_int_equal(count_files(f->dir), 1);
	assert_int_equal(put_text(f, "datasets/d/a.png", "cat", false), 0); /* as the last put says */
	assert_int_equal(blob_path(f->store, "datasets/d/a.png", path, &f->err), 0);
	assert_non_null(strstr(path, "/private/datasets/d/a.png"));
	assert_int_equal(count_files(f->dir), 1);
	assert_true(put_text(f, "datasets/d/a.png", "dog", true));
	assert_int_equal(f->err.code, ERR_CONFLICT);
}

static void urls_are_public_ones_or_none(void **state)
{
	struct fixture *f = *state;
	struct buf url;
	buf_init(&url, 4096);
	assert_int_equal(blob_url(f->store, "images/a b/ü#.png", true, 0, &url, &f->err), 0);
	assert_string_equal(buf_text(&url), "/public/images/a%20b/%C3%BC%23.png");
	buf_clear(&url);
	assert_int_equal(blob_url(f->store, "images/a.png", false, 60, &url, &f->err), 0);
	assert_string_equal(buf_text(&url), "");
	f->config.image_store.public_url = (char *)(uintptr_t)"https://pictures.example/x/";
	assert_int_equal(blob_url(f->store, "images/a.png", true, 0, &url, &f->err), 0);
	assert_string_equal(buf_text(&url), "https://pictures.example/x/images/a.png");
	buf_release(&url);
}

static void keys_that_leave_the_store_are_refused(void **state)
{
	struct fixture *f = *state;
	static const char *const bad[] = {"", "/etc/passwd", "../x", "a/../b", "a/./b", "a//b", "a/", "a\nb",
	                                  "a\\b", "..", "a/\xff", "a/\x7f"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_true(put_text(f, bad[i], "x", false));
		assert_int_equal(f->err.code, ERR_BAD_REQUEST);
		assert_true(blob_delete(f->store, bad[i], &f->err));
	}
	char longest[BLOB_KEY_MAX + 1];
	memset(longest, 'a', sizeof(longest));
	for (size_t i = 100; i < sizeof(longest); i += 100)
		longest[i] = '/';
	longest[BLOB_KEY_MAX - 1] = '\0';
	assert_int_equal(put_text(f, longest, "x", false), 0);
	longest[BLOB_KEY_MAX - 1] = 'a';
	longest[BLOB_KEY_MAX] = '\0';
	assert_true(put_text(f, longest, "x", false));
	assert_int_equal(count_files(f->dir), 1);
}

static void a_file_is_no_folder_of_keys(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(put_text(f, "images/a", "x", false), 0);
	assert_true(put_text(f, "images/a/b", "x", false));
	assert_int_equal(f->err.code, ERR_CONFLICT);
	assert_true(put_text(f, "images", "x", false));
	assert_int_equal(f->err.code, ERR_CONFLICT);
	assert_int_equal(blob_delete(f->store, "images/a/b", &f->err), 0);
}

static void image_keys_hold_any_label(void **state)
{
	struct fixture *f = *state;
	char key[BLOB_KEY_MAX], label[257];
	const char *uuid = "00000000-0000-8000-8000-000000000000";
	assert_int_equal(blob_key_image(key, NULL, "ant", uuid, "image/jpeg", &f->err), 0);
	assert_string_equal(key, "images/ant/img-00000000-0000-8000-8000-000000000000.jpg");
	assert_int_equal(blob_key_image(key, "birds", "", uuid, "image/tiff", &f->err), 0);
	assert_string_equal(key,
	                    "datasets/birds/images/unlabelled/img-00000000-0000-8000-8000-000000000000.tiff");
	assert_int_equal(blob_key_image(key, NULL, "../a/50%", uuid, "image/png", &f->err), 0);
	assert_string_equal(key, "images/%2E.%2Fa%2F50%25/img-00000000-0000-8000-8000-000000000000.png");
	memset(label, '/', 256);
	label[256] = '\0';
	assert_int_equal(blob_key_image(key, "birds", label, uuid, "image/png", &f->err), 0);
	assert_int_equal(blob_key_check(key, &f->err), 0);
	char other[BLOB_KEY_MAX];
	label[255] = 'x';
	assert_int_equal(blob_key_image(other, "birds", label, uuid, "image/png", &f->err), 0);
	assert_string_not_equal(key, other);
	assert_true(blob_key_image(key, NULL, "a\nb", uuid, "image/png", &f->err));
	assert_true(blob_key_image(key, NULL, "a", uuid, "image/svg+xml", &f->err));
}

static void keys_name_every_dataset_but_the_default_one(void **state)
{
	struct fixture *f = *state;
	char key[BLOB_KEY_MAX];
	const char *uuid = "00000000-0000-8000-8000-000000000000";

	assert_null(blob_key_dataset("birds", "birds"));
	assert_string_equal(blob_key_dataset("birds", "ants"), "birds");
	assert_string_equal(blob_key_dataset("birds", ""), "birds"); /* there is no default one */
	assert_int_equal(blob_key_image(key, NULL, "ant", uuid, "image/jpeg", &f->err), 0);
	assert_string_equal(blob_key_filepath(key, NULL), "images/ant/img-00000000-0000-8000-8000-000000000000.jpg");
	assert_int_equal(blob_key_image(key, "my-images", "ant", uuid, "image/jpeg", &f->err), 0);
	assert_string_equal(blob_key_filepath(key, "my-images"), "images/ant/img-00000000-0000-8000-8000-000000000000.jpg");
}

/* --- handing a file over -------------------------------------------------------------------------------- */

static void a_file_handed_over_is_linked_not_copied(void **state)
{
	struct fixture *f = *state;
	char source[PATH_MAX], path[PATH_MAX];
	int fd = make_file(f, "upload", "cat", source);
	struct blob_put put = {.key = "images/a.png", .type = "image/png", .fd = fd, .length = 3,
	                       .handover = true};
	assert_int_equal(blob_put(f->store, &put, &f->err), 0);
	assert_int_equal(unlink(source), 0); /* its owner's own name of it */
	struct stat given, stored;
	assert_int_equal(fstat(fd, &given), 0);
	assert_int_equal(blob_path(f->store, "images/a.png", path, &f->err), 0);
	assert_int_equal(stat(path, &stored), 0);
	assert_int_equal(given.st_ino, stored.st_ino);
	assert_int_equal(stored.st_mode & 0777, 0640);
	close(fd);
}

static void a_nameless_file_handed_over_is_linked_too(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX];
	struct stat given, stored;
	int fd = open(f->dir, O_RDWR | O_TMPFILE, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "cat", 3), 3);
	struct blob_put put = {.key = "images/a.png", .type = "image/png", .fd = fd, .length = 3, .handover = true};
	assert_int_equal(blob_put(f->store, &put, &f->err), 0);
	assert_int_equal(fstat(fd, &given), 0);
	assert_int_equal(blob_path(f->store, "images/a.png", path, &f->err), 0);
	assert_int_equal(stat(path, &stored), 0);
	assert_int_equal(given.st_ino, stored.st_ino);
	close(fd);
}

static void a_part_of_a_file_is_copied(void **state)
{
	struct fixture *f = *state;
	char source[PATH_MAX];
	int fd = make_file(f, "upload", "a cat and a dog", source);
	struct blob_put put = {.key = "images/a.png", .type = "image/png", .fd = fd, .offset = 2, .length = 3,
	                       .handover = true};
	assert_int_equal(blob_put(f->store, &put, &f->err), 0);
	struct buf text;
	buf_init(&text, 100);
	assert_int_equal(blob_fetch(f->store, "images/a.png", &text, &f->err), 0);
	assert_string_equal(buf_text(&text), "cat");
	buf_release(&text);
	put.key = "images/b.png";
	put.length = 300; /* more than there is */
	assert_true(blob_put(f->store, &put, &f->err));
	assert_true(blob_path(f->store, "images/b.png", source, &f->err));
	close(fd);
}

static void a_file_of_another_file_system_or_without_a_name_is_copied(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX] = "/dev/shm/test-blob-fs-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(write(fd, "cat", 3), 3);
	struct blob_put put = {.key = "images/a.png", .type = "image/png", .fd = fd, .length = 3,
	                       .handover = true};
	assert_int_equal(blob_put(f->store, &put, &f->err), 0);
	close(fd);
	fd = make_file(f, "upload", "dog", path);
	unlink(path);
	put.key = "images/b.png";
	put.fd = fd;
	assert_int_equal(blob_put(f->store, &put, &f->err), 0);
	close(fd);
	assert_int_equal(count_files(f->dir), 2);
}

/* --- failures ------------------------------------------------------------------------------------------- */

static int put_two_megabytes(struct fixture *f, const char *key)
{
	char *bytes = calloc(1, 2 << 20);
	struct blob_put put = {.key = key, .type = "image/png", .bytes = bytes, .length = 2 << 20};
	int result = blob_put(f->store, &put, &f->err);
	free(bytes);
	return result;
}

static int with_a_file_size_limit(struct fixture *f)
{
	struct rlimit limit = {1 << 20, 1 << 20};
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	return put_two_megabytes(f, "images/a.png") && f->err.code == ERR_NO_SPACE ? 0 : 1;
}

static void a_file_that_does_not_fit_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(in_child(f, with_a_file_size_limit), 0);
	assert_int_equal(count_files(f->dir), 0);
}

enum { CHILD_SKIPS = 77 };

static int on_a_full_disk(struct fixture *f)
{
	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", f->dir, "tmpfs", 0, "size=1m") != 0)
		return CHILD_SKIPS;
	if (blob_open(&f->store, &f->config, &f->err) != 0 || blob_ping(f->store, &f->err) != 0)
		return 1;
	if (!put_two_megabytes(f, "images/a.png") || f->err.code != ERR_NO_SPACE ||
	    count_files(f->dir) != 0)
		return 2;
	if (put_text(f, "images/small.png", "cat", false) != 0)
		return 3;
	char filler[PATH_MAX], block[4096] = "";
	int fd = make_file(f, "filler", "", filler);
	while (write(fd, block, sizeof(block)) > 0) {
	}
	if (!blob_ping(f->store, &f->err) || f->err.code != ERR_NO_SPACE)
		return 4;
	unlink(filler);
	close(fd);
	return blob_ping(f->store, &f->err) == 0 && put_text(f, "images/b.png", "dog", false) == 0 ? 0 : 5;
}

static void a_full_disk_is_no_space_and_passes(void **state)
{
	int status = in_child(*state, on_a_full_disk);
	if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_SKIPS) {
		print_message("skip: may not mount a small tmpfs\n");
		skip();
	}
	assert_int_equal(status, 0);
}

static int without_permission(struct fixture *f)
{
	if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
		return 1;
	if (!put_text(f, "images/a.png", "cat", false) || f->err.code != ERR_UNAVAILABLE)
		return 2;
	return blob_ping(f->store, &f->err) && f->err.code == ERR_UNAVAILABLE ? 0 : 3;
}

static void a_folder_that_cannot_be_written_is_unavailable(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX];
	static const char *const folders[] = {"private", "public", "tmp", ""};
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", f->dir, folders[i]);
		assert_int_equal(chmod(path, 0555), 0);
	}
	int status = in_child(f, without_permission);
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", f->dir, folders[i]);
		assert_int_equal(chmod(path, 0755), 0);
	}
	assert_int_equal(status, 0);
	assert_int_equal(count_files(f->dir), 0);
}

/* Makes the system call `nr` (if any bit of `mask` is set in its argument `arg`) do `action` in this
 * process. */
static void filter_syscall(int nr, unsigned arg, unsigned mask, unsigned action)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nr, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)(offsetof(struct seccomp_data, args) + 8 * arg)),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, mask, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER,
	                                                         &program) != 0)
		_exit(99);
}

static void forbid_nameless_files(void)
{
	filter_syscall(SYS_openat, 2, O_TMPFILE & ~O_DIRECTORY, SECCOMP_RET_ERRNO | EOPNOTSUPP);
}

static int without_nameless_files(struct fixture *f)
{
	forbid_nameless_files();
	if (put_text(f, "images/a.png", "cat", false) != 0 || put_text(f, "images/a.png", "cat", false) != 0)
		return 1;
	return put_text(f, "images/a.png", "dog", false) && f->err.code == ERR_CONFLICT ? 0 : 2;
}

static void file_systems_without_nameless_files_do_too(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(in_child(f, without_nameless_files), 0);
	assert_int_equal(count_files(f->dir), 1);
}

static int die_before_naming(struct fixture *f)
{
	filter_syscall(SYS_linkat, 3, ~0u, SECCOMP_RET_KILL_PROCESS);
	put_text(f, "images/a.png", "cat", false);
	return 0;
}

static int die_before_naming_a_named_file(struct fixture *f)
{
	forbid_nameless_files();
	return die_before_naming(f);
}

static void a_crash_before_the_object_is_named_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(WTERMSIG(in_child(f, die_before_naming)), SIGSYS);
	assert_int_equal(count_files(f->dir), 0);
}

static void what_a_crash_left_is_swept_once_old(void **state)
{
	struct fixture *f = *state;
	int64_t removed = -1;
	assert_int_equal(WTERMSIG(in_child(f, die_before_naming_a_named_file)), SIGSYS);
	assert_int_equal(count_files(f->dir), 1);
	assert_int_equal(blob_sweep(f->store, "", 3600, &removed, &f->err), 0);
	assert_int_equal(removed, 0);
	assert_int_equal(blob_sweep(f->store, "", 0, &removed, &f->err), 0);
	assert_int_equal(removed, 1);
	assert_int_equal(count_files(f->dir), 0);
}

static void a_store_without_a_folder_does_not_open(void **state)
{
	struct fixture *f = *state;
	struct blob_store *store;
	struct config config = f->config;
	char path[PATH_MAX];
	config.image_store.dir = path;
	close(make_file(f, "file", "", path));
	snprintf(path, sizeof(path), "%s/file/store", f->dir);
	assert_true(blob_open(&store, &config, &f->err));
	assert_non_null(strstr(f->err.text, "image_store.dir"));
	path[0] = '\0';
	assert_true(blob_open(&store, &config, &f->err));
	assert_int_equal(f->err.code, ERR_BAD_REQUEST);
	config.image_store.type = (char *)(uintptr_t)"tape";
	assert_true(blob_open(&store, &config, &f->err));
	assert_non_null(strstr(f->err.text, "tape"));
}

int main(void)
{
	umask(022);
	const struct CMUnitTest tests[] = {
		FS_STORE_TEST(private_and_public_objects_lie_in_trees_of_their_own),
		FS_STORE_TEST(changing_to_public_moves_the_file),
		FS_STORE_TEST(urls_are_public_ones_or_none),
		FS_STORE_TEST(keys_that_leave_the_store_are_refused),
		FS_STORE_TEST(a_file_is_no_folder_of_keys),
		FS_STORE_TEST(image_keys_hold_any_label),
		FS_STORE_TEST(keys_name_every_dataset_but_the_default_one),
		FS_STORE_TEST(a_file_handed_over_is_linked_not_copied),
		FS_STORE_TEST(a_nameless_file_handed_over_is_linked_too),
		FS_STORE_TEST(a_part_of_a_file_is_copied),
		FS_STORE_TEST(a_file_of_another_file_system_or_without_a_name_is_copied),
		FS_STORE_TEST(a_file_that_does_not_fit_leaves_nothing),
		FS_STORE_TEST(a_full_disk_is_no_space_and_passes),
		FS_STORE_TEST(a_folder_that_cannot_be_written_is_unavailable),
		FS_STORE_TEST(file_systems_without_nameless_files_do_too),
		FS_STORE_TEST(a_crash_before_the_object_is_named_leaves_nothing),
		FS_STORE_TEST(what_a_crash_left_is_swept_once_old),
		FS_STORE_TEST(a_store_without_a_folder_does_not_open),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
