/* The formats that are archives of images: "classfolders", a folder for each label, and "huggingface", a folder for
 * each part with the labels in metadata.csv. */
#include "export.h"

#include "base/json.h"
#include "names.h"

enum { NAME_MAX_BYTES = 2 * NAMES_FOLDER_MAX + NAMES_FILE_MAX, LISTS_MAX = 64 * 1024 * 1024 };

/* --- both --------------------------------------------------------------------------------------------------------- */

void export_add_part(const struct export *export, struct buf *out)
{
	if (export->part)
		buf_printf(out, "%s/", export->part);
}

static int note_missing(struct export *export, const struct sample *sample, struct err *err)
{
	cJSON *line = json_new_object();
	struct buf text;

	json_add_int64(line, "id", sample->id);
	json_add_string(line, "filepath", sample->filepath);
	json_add_string(line, "label", sample->label);
	buf_init(&text, LISTS_MAX);
	json_print(line, &text);
	buf_char(&text, '\n');
	int failed = spool_write(&export->missing, text.data, text.len, err);
	cJSON_Delete(line);
	buf_release(&text);
	return failed;
}

int export_add_image(struct export *export, const struct sample *sample, const char *folder, struct buf *name,
                     bool *added, struct err *err)
{
	struct bytes image;
	bool absent = (export->is_split && !export->part) || export->changed;

	*added = false;
	if (!absent && bytes_open(&image, &export->images, sample, err)) {
		if (err->code != ERR_NOT_FOUND)
			return -1;
		absent = true;
	}
	if (absent)
		return note_missing(export, sample, err);
	export_look_ahead(export, sample);
	struct buf path;
	buf_init(&path, NAME_MAX_BYTES);
	names_file(sample, image.type, name);
	buf_printf(&path, "%s%s", folder, buf_text(name));
	int failed = bundle_add_image(&export->bundle, buf_text(&path), &image, err);
	bytes_close(&image);
	buf_release(&path);
	*added = !failed;
	return failed;
}

int export_add_missing(struct export *export, struct err *err)
{
	return export->missing.length > 0 ? bundle_add_spool(&export->bundle, "missing.txt", &export->missing, err) : 0;
}

/* --- class folders ------------------------------------------------------------------------------------------------ */

/* A sample without a label is in no class. */
static int classfolders_add(struct export *export, const struct sample *sample, struct err *err)
{
	struct buf folder, name;
	bool added;

	if (!sample->label[0])
		return 0;
	buf_init(&folder, NAME_MAX_BYTES);
	buf_init(&name, NAMES_FILE_MAX);
	export_add_part(export, &folder);
	const char *class = classes_folder(&export->classes, sample->label);
	buf_printf(&folder, "%s/", class);
	int failed = export_add_image(export, sample, buf_text(&folder), &name, &added, err);
	buf_release(&folder);
	buf_release(&name);
	return failed;
}

/* classes.txt lists the labels in the order in which loaders number their folders. */
static int classfolders_end(struct export *export, struct err *err)
{
	size_t count = classes_by_folder(&export->classes);
	cJSON *list = json_new_array();
	struct buf names, described;

	buf_init(&names, LISTS_MAX);
	buf_init(&described, LISTS_MAX);
	for (size_t i = 0; i < count; i++) {
		const struct class *class = &export->classes.item[i];
		cJSON *described_class = json_new_object();

		buf_printf(&names, "%s\n", class->label);
		json_add_int64(described_class, "index", (int64_t)i);
		json_add_string(described_class, "folder", class->folder);
		json_add_string(described_class, "label", class->label);
		json_add_int64(described_class, "key", class->key);
		json_append(list, described_class);
	}
	json_print(list, &described);
	buf_char(&described, '\n');
	cJSON_Delete(list);
	int failed = bundle_add_text(&export->bundle, "classes.txt", buf_text(&names), names.len, err) ||
	             bundle_add_text(&export->bundle, "classes.json", buf_text(&described), described.len, err) ||
	             export_add_missing(export, err);
	buf_release(&names);
	buf_release(&described);
	return failed;
}

const struct form classfolders_tar_form = {.name = "classfolders",
                                           .as = "tar",
                                           .type = "application/x-tar",
                                           .ending = ".tar",
                                           .add = classfolders_add,
                                           .end = classfolders_end,
                                           .is_bundle = true,
                                           .bundle = BUNDLE_TAR};
const struct form classfolders_zip_form = {.name = "classfolders",
                                           .as = "zip",
                                           .type = "application/zip",
                                           .ending = ".zip",
                                           .add = classfolders_add,
                                           .end = classfolders_end,
                                           .is_bundle = true,
                                           .bundle = BUNDLE_ZIP};

/* --- huggingface: https://huggingface.co/docs/datasets/image_dataset, ImageFolder with metadata ------------------- */

static int part_number(const struct export *export)
{
	int number = 0;

	while (export->part && number < SPLIT_PARTS - 1 && export->part != split_names[number])
		number++;
	return number;
}

/* RFC 4180; formulas stay unchanged, since a loader would take the ' for part of the label. */
static int add_row(struct export *export, const char *file, const char *label, struct err *err)
{
	struct buf row;

	buf_init(&row, LISTS_MAX);
	buf_printf(&row, "%s,\"", file);
	for (; *label; label++)
		buf_printf(&row, *label == '"' ? "\"%c" : "%c", *label);
	buf_str(&row, "\"\n");
	int failed = spool_write(&export->rows[part_number(export)], row.data, row.len, err);
	buf_release(&row);
	return failed;
}

static int huggingface_add(struct export *export, const struct sample *sample, struct err *err)
{
	struct buf folder, name;
	bool added;

	buf_init(&folder, NAME_MAX_BYTES);
	buf_init(&name, NAMES_FILE_MAX);
	buf_printf(&folder, "%s/", split_names[part_number(export)]);
	int failed = export_add_image(export, sample, buf_text(&folder), &name, &added, err) ||
	             (added && add_row(export, buf_text(&name), sample->label, err));
	buf_release(&folder);
	buf_release(&name);
	return failed;
}

static int huggingface_begin(struct export *export, struct err *err)
{
	static const char header[] = "file_name,label\n";

	for (int i = 0; i < SPLIT_PARTS; i++) {
		if (spool_write(&export->rows[i], header, sizeof(header) - 1, err))
			return -1;
	}
	return 0;
}

static int huggingface_end(struct export *export, struct err *err)
{
	char name[32];

	for (int i = 0; i < SPLIT_PARTS; i++) {
		bool wanted = export->is_split ? export->split.percent[i] > 0 : i == 0;

		snprintf(name, sizeof(name), "%s/metadata.csv", split_names[i]);
		if (wanted && bundle_add_spool(&export->bundle, name, &export->rows[i], err))
			return -1;
	}
	return export_add_missing(export, err);
}

const struct form huggingface_form = {.name = "huggingface",
                                      .type = "application/zip",
                                      .ending = "-huggingface.zip",
                                      .begin = huggingface_begin,
                                      .add = huggingface_add,
                                      .end = huggingface_end,
                                      .is_bundle = true,
                                      .unlabelled = true,
                                      .bundle = BUNDLE_ZIP};
