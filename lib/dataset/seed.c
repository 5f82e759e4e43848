/* Merges the JSON datasets of a folder into the store. */
#include "dataset/seed.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"
#include "dataset/seedfile.h"

enum {
	CHUNK_BYTES = 8 * 1024 * 1024, /* of text in one durable write */
	NOTE_KEY_MAX = 5 + 3 * NAME_MAX + 1,
};

/* The samples of one durable write: offsets into text, which moves as it grows. */
struct chunk {
	struct buf text;
	struct {
		size_t filepath, label;
	} items[DATASET_MERGE_MAX];
	struct dataset_seed seeds[DATASET_MERGE_MAX];
	size_t count;
};

/* A file that is being merged into its dataset. */
struct seeding {
	struct dataset_store *store;
	const char *folder;
	char path[PATH_MAX];
	char sha256[HASH_SHA256_HEX];
	char note[NOTE_KEY_MAX]; /* the dataset's note that keeps sha256 once the file is merged */
	struct seedfile file;
	struct dataset *dataset;
	char **known_labels; /* of the dataset, in NFC, sorted */
	size_t known_label_count;
	int64_t unknown_labels; /* samples with a label that the dataset lacks */
	struct chunk *chunk;
	struct buf *warn;
	struct seed_result result;
};

static void seed_warning(struct seeding *seeding, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void seed_warning(struct seeding *seeding, const char *format, ...)
{
	va_list arguments;
	char text[1024];
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (seeding->warn)
		buf_printf(seeding->warn, "%s: %s\n", seeding->path, text);
}

static int digest_file(struct seeding *seeding, struct err *err)
{
	int fd = file_open(seeding->path, err);
	if (fd < 0)
		return -1;
	struct stat st;
	unsigned char digest[64];
	size_t len = fstat(fd, &st) == 0 ? hash_file("sha256", fd, 0, st.st_size, digest) : 0;
	int failed = len ? 0 : err_errno(err, ERR_INTERNAL, "%s can't be read", seeding->path);
	close(fd);
	if (len)
		hash_hex(digest, len, seeding->sha256);
	return failed;
}

/* Whether the dataset has merged this file in its present form. */
static int seed_is_known(struct seeding *seeding, bool *known, struct err *err)
{
	*known = false;
	if (dataset_open(seeding->store, seeding->file.dataset, &seeding->dataset, err) != 0) {
		seeding->dataset = NULL;
		return err->code != ERR_NOT_FOUND;
	}
	char *value;
	if (dataset_note_get(seeding->dataset, seeding->note, &value, err) != 0)
		return -1;
	*known = value && strcmp(value, seeding->sha256) == 0;
	free(value);
	return 0;
}

/* The file's base_dir, made absolute: a relative one is relative to the file's folder. */
static char *absolute_base_dir(const struct seeding *seeding)
{
	const char *base_dir = seeding->file.base_dir;
	char *path;
	if (base_dir[0] == '/' || base_dir[0] == '\0') {
		path = memory_text(base_dir);
	} else {
		while (strncmp(base_dir, "./", 2) == 0)
			base_dir += 2;
		if (strcmp(base_dir, ".") == 0)
			base_dir = "";
		path = memory_format("%s%s%s", seeding->folder, base_dir[0] ? "/" : "", base_dir);
	}
	return path;
}

static int seeding_dataset(struct seeding *seeding, struct err *err)
{
	if (seeding->dataset)
		return 0;
	char *base_dir = absolute_base_dir(seeding);
	int result = dataset_create(seeding->store, seeding->file.dataset, base_dir, NULL, err);
	if (result == 0)
		seeding->result.created = true;
	else if (err->code == ERR_CONFLICT) /* made by somebody else meanwhile */
		result = 0;
	free(base_dir);
	return result || dataset_open(seeding->store, seeding->file.dataset, &seeding->dataset, err);
}

static int compare_labels(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Reads the dataset's labels and compares its base_dir. */
static int look_at_dataset(struct seeding *seeding, struct err *err)
{
	struct dataset_info info;
	if (dataset_info(seeding->dataset, &info, err) != 0)
		return -1;
	char *base_dir = absolute_base_dir(seeding);
	if (strcmp(base_dir, info.place.base_dir) != 0)
		seed_warning(seeding, "base_dir is \"%s\", but dataset \"%s\" has \"%s\", which holds", base_dir,
		             seeding->file.dataset, info.place.base_dir);
	free(base_dir);

	seeding->known_labels = memory_new(info.labels.count + 1, sizeof(*seeding->known_labels));
	for (size_t i = 0; i < info.labels.count; i++) {
		seeding->known_labels[i] = text_nfc(info.labels.item[i].name);
	}
	seeding->known_label_count = info.labels.count;
	qsort(seeding->known_labels, info.labels.count, sizeof(*seeding->known_labels), compare_labels);
	dataset_info_release(&info);
	return 0;
}

static int flush(struct seeding *seeding, struct err *err)
{
	struct chunk *chunk = seeding->chunk;
	for (size_t i = 0; i < chunk->count; i++)
		chunk->seeds[i] = (struct dataset_seed){
			.filepath = chunk->text.data + chunk->items[i].filepath,
			.label = chunk->text.data + chunk->items[i].label,
		};
	int result = 0;
	if (chunk->count > 0)
		result = dataset_merge(seeding->dataset, NULL, 0, chunk->seeds, chunk->count,
		                       &seeding->result.merged, err);
	chunk->count = 0;
	buf_clear(&chunk->text);
	return result;
}

static bool is_label_known(const struct seeding *seeding, const char *label)
{
	char *nfc = text_is_ascii(label) ? NULL : text_nfc(label);
	const char *wanted = nfc ? nfc : label;
	bool known = seeding->known_label_count > 0 && bsearch(&wanted, seeding->known_labels, seeding->known_label_count,
	                                                       sizeof(*seeding->known_labels), compare_labels);

	free(nfc);
	return known;
}

static int seeding_take(void *data, const char *filepath, const char *label, struct err *err)
{
	struct seeding *seeding = data;
	struct chunk *chunk = seeding->chunk;
	if (label[0] != '\0' && !is_label_known(seeding, label))
		seeding->unknown_labels++;

	size_t filepath_size = strlen(filepath) + 1, label_size = strlen(label) + 1;
	bool full = chunk->count == DATASET_MERGE_MAX ||
	            chunk->text.len + filepath_size + label_size > CHUNK_BYTES;
	if (full && flush(seeding, err) != 0)
		return -1;
	chunk->items[chunk->count].filepath = chunk->text.len;
	buf_add(&chunk->text, filepath, filepath_size);
	chunk->items[chunk->count].label = chunk->text.len;
	buf_add(&chunk->text, label, label_size);
	chunk->count++;
	return 0;
}

static int merge_samples(struct seeding *seeding, struct err *err)
{
	seeding->chunk = memory_raw(sizeof(*seeding->chunk));
	seeding->chunk->count = 0;
	buf_init(&seeding->chunk->text, CHUNK_BYTES);
	int result = seedfile_samples(seeding->path, seeding_take, seeding, err);
	if (result == 0)
		result = flush(seeding, err);
	buf_release(&seeding->chunk->text);
	free(seeding->chunk);
	return result;
}

static void tell_oddities(struct seeding *seeding)
{
	const struct dataset_merged *merged = &seeding->result.merged;
	if (seeding->result.created && seeding->file.sample_count > 0 && seeding->file.base_dir[0] == '\0')
		seed_warning(seeding, "base_dir is empty, so no image is found");
	if (seeding->unknown_labels > 0)
		seed_warning(seeding, "%" PRId64 " samples have a label that the dataset lacks (kept)",
		             seeding->unknown_labels);
	if (seeding->result.created && merged->samples_known > 0)
		seed_warning(seeding, "%" PRId64 " samples repeat a filepath; each filepath is one sample",
		             merged->samples_known);
}

/* The file has been checked completely: if this fails, the store has failed. */
static int merge_file(struct seeding *seeding, struct err *err)
{
	const struct seedfile *file = &seeding->file;
	if (seeding_dataset(seeding, err) ||
	    dataset_merge(seeding->dataset, (const char *const *)file->labels, file->label_count, NULL, 0,
	                  &seeding->result.merged, err) ||
	    look_at_dataset(seeding, err) || merge_samples(seeding, err) ||
	    dataset_note_set(seeding->dataset, seeding->note, seeding->sha256, err))
		return -1;
	tell_oddities(seeding);
	return 0;
}

static void set_note(struct seeding *seeding, const char *name)
{
	struct buf note;
	buf_init(&note, NOTE_KEY_MAX - 1);
	buf_str(&note, "seed:");
	text_percent_encode_segment(name, &note); /* since a file's name may not be UTF-8 */
	snprintf(seeding->note, sizeof(seeding->note), "%s", buf_text(&note));
	buf_release(&note);
}

static int seed_file(struct seeding *seeding, struct err *err)
{
	bool known;
	char *name = NULL;
	if (digest_file(seeding, err) || seedfile_name(seeding->path, &name, err))
		return -1;
	seeding->file.dataset = name;
	if (seed_is_known(seeding, &known, err) != 0)
		return err_prefix(err, "%s", seeding->path);
	seeding->result.known = known;
	if (known)
		return 0;
	seedfile_release(&seeding->file);
	if (seedfile_read(seeding->path, &seeding->file, err) != 0)
		return -1;
	return merge_file(seeding, err) == 0 ? 0 : err_prefix(err, "%s", seeding->path);
}

static void seeding_release(struct seeding *seeding)
{
	seedfile_release(&seeding->file);
	for (size_t i = 0; i < seeding->known_label_count; i++)
		free(seeding->known_labels[i]);
	free(seeding->known_labels);
	dataset_close(seeding->dataset);
}

/* Whether going on with the next file makes no sense. One dataset alone may be out of reach while the store works. */
static bool seed_store_down(struct dataset_store *store, const struct err *err)
{
	struct err why;
	if (err->code == ERR_UNAVAILABLE)
		return dataset_store_ping(store, &why) != 0;
	return err->code == ERR_UPSTREAM || err->code == ERR_NO_SPACE;
}

static int seed_from(struct dataset_store *store, const char *folder, const char *name, seed_visit *visit,
                     void *data, struct buf *warn, struct err *err)
{
	struct seeding *seeding = memory_new(1, sizeof(*seeding));
	seeding->store = store;
	seeding->folder = folder;
	seeding->warn = warn;
	snprintf(seeding->path, sizeof(seeding->path), "%s/%s", folder, name);
	set_note(seeding, name);

	int result = seed_file(seeding, err);
	seeding->result.file = name;
	seeding->result.dataset = seeding->file.dataset;
	if (result == 0 && visit)
		visit(data, &seeding->result);
	if (result != 0 && !seed_store_down(store, err)) {
		if (warn)
			buf_printf(warn, "%s\n", err->text);
		result = 0;
	}
	seeding_release(seeding);
	free(seeding);
	return result;
}

static int is_seed(const struct dirent *entry)
{
	return fnmatch("*.json", entry->d_name, FNM_PERIOD) == 0;
}

static int in_byte_order(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int seed_merge(struct dataset_store *store, const char *json_db_dir, seed_visit *visit, void *data,
               struct buf *warn, struct err *err)
{
	struct dirent **entries;
	int count = scandir(json_db_dir, &entries, is_seed, in_byte_order);
	if (count < 0 && errno == ENOENT)
		return 0;
	if (count < 0)
		return err_errno(err, ERR_INTERNAL, "the folder %s cannot be read", json_db_dir);
	int result = 0;
	for (int i = 0; i < count; i++) {
		if (result == 0)
			result = seed_from(store, json_db_dir, entries[i]->d_name, visit, data, warn, err);
		free(entries[i]);
	}
	free(entries);
	return result;
}
