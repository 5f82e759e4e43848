/* Looks for files with passwords that others can read. */
#include "exposed.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"

/* Whether everybody may read the file, and enter its folder. */
static bool others_can_read(const char *path)
{
	char folder[PATH_MAX];
	struct stat st;
	const char *slash = strrchr(path, '/');

	if (!slash || stat(path, &st) != 0 || !(st.st_mode & S_IROTH))
		return false;
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path + 1), path);
	return stat(folder, &st) == 0 && (st.st_mode & S_IXOTH);
}

/* Whether the JSON file has a text with `within` in it, at `outer` or, unless `inner` is NULL, at `inner` in the
 * object there. */
static bool has_text(const char *path, const char *outer, const char *inner, const char *within)
{
	cJSON *tree = json_parse_file(path, NULL);
	const cJSON *found = cJSON_GetObjectItemCaseSensitive(tree, outer);

	if (inner)
		found = cJSON_GetObjectItemCaseSensitive(found, inner);
	bool has = cJSON_IsString(found) && strstr(found->valuestring, within);
	cJSON_Delete(tree);
	return has;
}

static void warn(const char *path, struct buf *warnings)
{
	buf_printf(warnings, "warning: %s has a password in it, and others can read it: chmod 600\n", path);
}

static void warn_of_users(const char *folder, struct buf *warnings)
{
	DIR *listing = opendir(folder);
	char path[PATH_MAX];

	for (const struct dirent *entry; listing && (entry = readdir(listing)) != NULL;) {
		const char *ending = strrchr(entry->d_name, '.');

		if (entry->d_name[0] == '.' || !ending || strcmp(ending, ".json") != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (others_can_read(path) && has_text(path, "password", NULL, ""))
			warn(path, warnings);
	}
	if (listing)
		closedir(listing);
}

void exposed_warn(const struct config *config, struct buf *warnings)
{
	if (*config->path && others_can_read(config->path) && has_text(config->path, "dataset_store", "uri", "@"))
		warn(config->path, warnings);
	warn_of_users(config->json_user_dir, warnings);
}
