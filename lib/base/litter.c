/* The names of the files and folders that file managers, NAS and telephones leave. */
#include "base/litter.h"

#include <string.h>
#include <strings.h>

#include "base/banned.h"

static const char *const folders[] = {
	"__MACOSX", "Network Trash Folder", "Temporary Items", "TheVolumeSettingsFolder", "TheFindByContentFolder", /* macOS */
	"iPod Photo Cache",
	"$RECYCLE.BIN", "RECYCLER", "RECYCLED", "System Volume Information", /* Windows */
	"lost+found", /* ext4 */
	"LOST.DIR",   /* Android */
	NULL,
};
static const char *const nas[] = { /* from Synology, QNAP */
	"@eaDir", "@tmp", "@Recycle", "@Recently-Snapshot", "@Transcode", "@__thumb", "@SynoResource", "@SynoEAStream",
	"#recycle", "#snapshot", NULL,
};
static const char *const files[] = {
	"Thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "Icon\r", "ZbThumbnail.info", "Picasa.ini", NULL,
};

static bool is_in(const char *const *list, const char *name, size_t len)
{
	for (; *list; list++)
		if (strlen(*list) == len && strncasecmp(*list, name, len) == 0)
			return true;
	return false;
}

/* Synology keeps a file's streams beside it: "1.jpg@SynoEAStream". */
static bool is_stream(const char *name, size_t len)
{
	const char *at = memrchr(name, '@', len);

	return at && at > name && is_in(nas, at, len - (size_t)(at - name));
}

bool litter_is(const char *name, size_t len, bool folder)
{
	return folder ? is_in(folders, name, len) || is_in(nas, name, len) : is_in(files, name, len) || is_stream(name, len);
}
