/* Writes and reads manifests of snapshots. */
#include "fastcgi/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"

enum {
	PIECE_BYTES = 256 * 1024,
	LINE_MAX_BYTES = 128 * 1024, /* with a filepath and a label as long as they may be, all of it escaped */
};

static void manifest_put(struct buf *out, const char *before, const char *text)
{
	buf_str(out, before);
	if (text)
		json_print_text(text, out);
	else
		buf_str(out, "null");
}

/* Without a tree: of a million samples it would take as long as all else. */
void manifest_add(struct buf *out, const struct sample *sample, const char *sha256, const char *split)
{
	buf_printf(out, "{\"id\":%lld", (long long)sample->id);
	manifest_put(out, ",\"sha256\":", sha256[0] ? sha256 : NULL);
	manifest_put(out, ",\"filepath\":", sample->filepath);
	manifest_put(out, ",\"label\":", sample->label);
	buf_printf(out, ",\"version\":%lld", (long long)sample->version);
	manifest_put(out, ",\"split\":", split);
	buf_str(out, "}\n");
}

void manifest_open(struct manifest *manifest, struct blob_store *blobs, const char *key)
{
	*manifest = (struct manifest){.blobs = blobs, .key = memory_text(key)};
	buf_init(&manifest->text, PIECE_BYTES + LINE_MAX_BYTES + 1);
}

void manifest_close(struct manifest *manifest)
{
	buf_release(&manifest->text);
	free(manifest->key);
	manifest->key = NULL;
}

void manifest_rewind(struct manifest *manifest)
{
	buf_clear(&manifest->text);
	manifest->at = 0;
	manifest->offset = 0;
	manifest->ended = false;
}

/* Moves what is left to the beginning, and reads on behind it. */
static int read_piece(struct manifest *manifest, struct err *err)
{
	size_t left = manifest->text.len - manifest->at, got;
	char *piece = memory_raw(left + PIECE_BYTES);

	if (left > 0)
		memcpy(piece, manifest->text.data + manifest->at, left);
	int failed = left > LINE_MAX_BYTES ? err_set(err, ERR_UPSTREAM, "A line of the snapshot's manifest is too long")
	                                   : blob_read(manifest->blobs, manifest->key, manifest->offset, piece + left,
	                                               PIECE_BYTES, &got, err);
	if (!failed) {
		buf_clear(&manifest->text);
		buf_add(&manifest->text, piece, left + got);
		manifest->at = 0;
		manifest->offset += (int64_t)got;
		manifest->ended = got < PIECE_BYTES;
	}
	free(piece);
	return failed;
}

void manifest_line_release(struct manifest_line *line)
{
	cJSON_Delete(line->tree);
	memset(line, 0, sizeof(*line));
}

static int parse_line(struct manifest_line *line, const char *bytes, size_t len, struct err *err)
{
	line->tree = json_parse_object(bytes, len, err);
	if (!line->tree)
		return -1;
	line->sha256 = "";
	return json_int64(line->tree, "id", true, 0, INT64_MAX, &line->id, err) ||
	       json_int64(line->tree, "version", true, 0, INT64_MAX, &line->version, err) ||
	       json_string(line->tree, "filepath", true, &line->filepath, err) ||
	       json_string(line->tree, "label", true, &line->label, err) ||
	       json_string(line->tree, "sha256", false, &line->sha256, err) ||
	       json_string(line->tree, "split", false, &line->split, err);
}

int manifest_next(struct manifest *manifest, struct manifest_line *line, bool *more, struct err *err)
{
	const char *begin, *end;

	manifest_line_release(line);
	for (;;) {
		begin = buf_text(&manifest->text) + manifest->at;
		end = manifest->text.len > manifest->at ? memchr(begin, '\n', manifest->text.len - manifest->at) : NULL;
		if (end || manifest->ended)
			break;
		if (read_piece(manifest, err))
			return -1;
	}
	*more = end != NULL;
	if (!end)
		return manifest->at == manifest->text.len
		               ? 0
		               : err_set(err, ERR_UPSTREAM, "The snapshot's manifest ends in the middle of a line");
	manifest->at += (size_t)(end - begin) + 1;
	return parse_line(line, begin, (size_t)(end - begin), err) ? err_prefix(err, "The snapshot's manifest is damaged") : 0;
}
