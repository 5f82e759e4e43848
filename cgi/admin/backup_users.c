/* Writes the documents of users and tokens into a backup, and back. */
#include "backup_users.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "fastcgi/roster.h"

enum { DOCUMENT_MAX = JSON_BODY_MAX };

/* --- into a backup ------------------------------------------------------------------------------------------------ */

static int document_text(const struct userdir *dir, const struct user_document *document, struct buf *out,
                         struct err *err)
{
	if (document->text)
		return buf_str(out, document->text) ? err_set(err, ERR_TOO_LARGE, "%s is too large", document->name) : 0;
	return userdir_read(dir, document->name, out, err);
}

static int write_document(const struct userdir *dir, const struct user_document *document, int fd, struct err *err)
{
	cJSON *line = json_new_object();
	struct buf text, out;

	buf_init(&text, DOCUMENT_MAX);
	buf_init(&out, 8 * DOCUMENT_MAX);
	int failed = document_text(dir, document, &text, err);
	if (!failed) {
		json_add_string(line, "name", document->name);
		json_add_string(line, "text", buf_text(&text));
		json_print(line, &out);
		buf_char(&out, '\n');
		if (file_write(fd, out.data, out.len))
			failed = err_errno(err, ERR_INTERNAL, "The users cannot be written into the backup");
	}
	cJSON_Delete(line);
	buf_release(&text);
	buf_release(&out);
	return failed;
}

int backup_users_write(const struct config *config, struct dataset_store *store, const char *path, bool *in_store,
                       struct err *err)
{
	struct roster roster;
	struct userdir dir;

	roster_init(&roster, config, store);
	*in_store = roster.place.store;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(err, ERR_INTERNAL, "%s cannot be written", path);
	int failed = *in_store && admin_make_folder(config->json_user_dir, 0700, err);
	if (!failed && access(config->json_user_dir, F_OK) == 0) {
		failed = userdir_open(&dir, &roster.place, err);
		for (size_t i = 0; !failed && i < dir.count; i++)
			failed = write_document(&dir, &dir.documents[i], fd, err);
		userdir_close(&dir);
	}
	close(fd);
	return failed;
}

/* --- and back ----------------------------------------------------------------------------------------------------- */

typedef int document_fn(struct userdir *dir, const char *name, const char *text, struct backup_users *users,
                        struct err *err);

enum there { NOT_THERE,
	     THE_SAME,
	     ANOTHER };

static enum there users_look_there(const struct userdir *dir, const char *name, const char *text)
{
	struct buf there;
	struct err err;
	bool other = false;

	if (!userdir_has(dir, name))
		return NOT_THERE;
	buf_init(&there, DOCUMENT_MAX);
	for (size_t i = 0; i < dir->count; i++) {
		if (strcmp(dir->documents[i].name, name) == 0)
			other = document_text(dir, &dir->documents[i], &there, &err) || strcmp(buf_text(&there), text) != 0;
	}
	buf_release(&there);
	return other ? ANOTHER : THE_SAME;
}

static int look_at_document(struct userdir *dir, const char *name, const char *text, struct backup_users *users,
                            struct err *err)
{
	if (users->adding || users_look_there(dir, name, text) != ANOTHER)
		return 0;
	return err_set(err, ERR_CONFLICT, "There is a user's document %s already, which says something else than the backup's",
	               name);
}

static int write_back(struct userdir *dir, const char *name, const char *text, struct backup_users *users,
                      struct err *err)
{
	cJSON *tree = json_parse_object(text, strlen(text), NULL);
	/* What stays of a removed user is for stores that several machines share. */
	bool keep = users_look_there(dir, name, text) != NOT_THERE || (!dir->place->store && userdir_is_removed(tree));

	cJSON_Delete(tree);
	if (keep)
		return 0;
	users->count++;
	return userdir_write(dir, name, text, strlen(text), err);
}

static int each_line(struct userdir *dir, const char *path, document_fn *with, struct backup_users *users,
                     struct err *err)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	int failed = file ? 0 : err_errno(err, ERR_INTERNAL, "%s cannot be read", path);

	for (ssize_t len; !failed && (len = getline(&line, &room, file)) > 0;) {
		const char *name = "", *text = "";
		cJSON *tree = json_parse_object(line, (size_t)len, err);

		failed = !tree || json_string(tree, "name", true, &name, err) || json_string(tree, "text", true, &text, err);
		if (!failed && !userdir_is(name, USERDIR_USER) && !userdir_is(name, USERDIR_TOKEN))
			failed = err_set(err, ERR_UNPROCESSABLE, "%s is no user's document", name);
		if (!failed && strchr(name, '/'))
			failed = err_set(err, ERR_UNPROCESSABLE, "%s is no document's name", name);
		failed = failed || with(dir, name, text, users, err);
		cJSON_Delete(tree);
	}
	free(line);
	if (file)
		fclose(file);
	return failed;
}

int backup_users_read(const struct config *config, struct dataset_store *store, const char *path,
                      struct backup_users *users, struct err *err)
{
	struct roster roster;
	struct userdir dir;

	roster_init(&roster, config, store);
	if (!users->in_store)
		roster.place.store = NULL;
	if (admin_make_folder(config->json_user_dir, 0700, err) || userdir_open(&dir, &roster.place, err))
		return -1;
	int failed = each_line(&dir, path, look_at_document, users, err) ||
	             (!users->only_look && each_line(&dir, path, write_back, users, err));
	userdir_close(&dir);
	return failed;
}
