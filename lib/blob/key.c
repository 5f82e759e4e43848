/* Makes and checks the names of objects in the image store. */
#include "blob/key.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/image_type.h"
#include "base/text.h"

const char *blob_key_extension(const char *media)
{
	const struct image_type *type = image_type_of(media);
	return type && type->taken ? type->endings[0] : NULL;
}

const char *blob_key_type(const char *key)
{
	const struct image_type *type = image_type_by_name(key);
	return type && type->taken ? type->media : NULL;
}

static int check_segment(const char *segment, size_t len, struct err *err)
{
	if (len == 0)
		return err_set(err, ERR_BAD_REQUEST, "an object's key has an empty segment");
	if (len > BLOB_KEY_SEGMENT_MAX)
		return err_set(err, ERR_BAD_REQUEST, "an object's key has a segment of more than %d bytes",
		               BLOB_KEY_SEGMENT_MAX);
	if ((len == 1 && segment[0] == '.') || (len == 2 && segment[0] == '.' && segment[1] == '.'))
		return err_set(err, ERR_BAD_REQUEST, "an object's key has a segment '.' or '..'");
	return 0;
}

int blob_key_check(const char *key, struct err *err)
{
	size_t len = strnlen(key, BLOB_KEY_MAX);
	if (len >= BLOB_KEY_MAX)
		return err_set(err, ERR_BAD_REQUEST, "an object's key is longer than %d bytes",
		               BLOB_KEY_MAX - 1);
	if (!text_utf8_valid(key, len) || text_has_control(key) || strchr(key, '\\'))
		return err_set(err, ERR_BAD_REQUEST, "an object's key has bytes that can't be in one");
	for (const char *segment = key;;) {
		size_t segment_len = strcspn(segment, "/");
		if (check_segment(segment, segment_len, err) != 0)
			return -1;
		if (segment[segment_len] == '\0')
			return 0;
		segment += segment_len + 1;
	}
}

/* Appends the label as one path segment: '%' and what a path can't hold are percent-encoded. */
static void key_add_label(struct buf *out, const char *label)
{
	struct buf segment;
	buf_init(&segment, 3 * TEXT_LABEL_MAX);
	for (const char *p = label; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;
		if (c < 0x20 || c == 0x7f || strchr("/\\%", c) || (c == '.' && p == label))
			buf_printf(&segment, "%%%02X", c);
		else
			buf_char(&segment, *p);
	}
	if (segment.len <= BLOB_KEY_SEGMENT_MAX) {
		buf_str(out, *label == '\0' ? "unlabelled" : buf_text(&segment));
	} else { /* cut between characters, with a hash against labels of the same beginning */
		unsigned char digest[HASH_SHA256_SIZE];
		char hex[HASH_SHA256_HEX];
		hash_sha256(label, strlen(label), digest);
		hash_hex(digest, sizeof(digest), hex);
		buf_add(out, segment.data, text_utf8_span(segment.data, BLOB_KEY_SEGMENT_MAX - 17));
		buf_printf(out, "-%.16s", hex);
	}
	buf_release(&segment);
}

const char *blob_key_dataset(const char *name, const char *default_dataset)
{
	return strcmp(name, default_dataset) == 0 ? NULL : name;
}

const char *blob_key_filepath(const char *key, const char *dataset)
{
	return dataset ? key + sizeof(BLOB_KEY_DATASETS) - 1 + strlen(dataset) + 1 : key;
}

int blob_key_folder(char out[BLOB_KEY_MAX], const char *dataset, const char *label, struct err *err)
{
	if ((dataset && text_check_dataset_name(dataset, err) != 0) ||
	    (*label != '\0' && text_check_label(label, err) != 0))
		return -1;
	struct buf key;
	buf_init(&key, BLOB_KEY_MAX - 1);
	if (dataset)
		buf_printf(&key, BLOB_KEY_DATASETS "%s/", dataset);
	buf_str(&key, BLOB_KEY_IMAGES);
	key_add_label(&key, label);
	buf_char(&key, '/');
	int result = key.overflow ? err_set(err, ERR_BAD_REQUEST, "the object's key would be too long") : 0;
	snprintf(out, BLOB_KEY_MAX, "%s", buf_text(&key));
	buf_release(&key);
	return result;
}

int blob_key_image(char out[BLOB_KEY_MAX], const char *dataset, const char *label, const char *uuid,
                   const char *type, struct err *err)
{
	const char *extension = blob_key_extension(type);
	if (!extension)
		return err_set(err, ERR_BAD_REQUEST, "%s is no type of image that is stored", type);
	if (blob_key_folder(out, dataset, label, err) != 0)
		return -1;
	size_t len = strlen(out);
	int added = snprintf(out + len, BLOB_KEY_MAX - len, "img-%s.%s", uuid, extension);
	if (added >= (int)(BLOB_KEY_MAX - len))
		return err_set(err, ERR_BAD_REQUEST, "the object's key would be too long");
	return blob_key_check(out, err);
}

int blob_key_manifest(char out[BLOB_KEY_MAX], const char *dataset, const char *uuid, struct err *err)
{
	int len = snprintf(out, BLOB_KEY_MAX, BLOB_KEY_DATASETS "%s/snapshots/%s.jsonl", dataset, uuid);

	if (len >= BLOB_KEY_MAX)
		return err_set(err, ERR_BAD_REQUEST, "the object's key would be too long");
	return blob_key_check(out, err);
}
