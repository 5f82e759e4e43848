/* Finds and loads the shared objects of base/module.h. */
#include "base/module.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

/* Seen from a program in bin/, from a test in tests/unit/, and from a program installed beside its modules. */
static const char *const folders[] = {"../lib", "../../lib", "."};

enum { FOUND_MAX = PATH_MAX + 300 };

static int program_folder(char out[PATH_MAX], struct err *err)
{
	ssize_t len = readlink("/proc/self/exe", out, PATH_MAX - 1);
	if (len < 0)
		return err_errno(err, ERR_INTERNAL, "can't tell where this program lies");
	out[len] = '\0';
	char *slash = strrchr(out, '/');
	if (!slash)
		return err_set(err, ERR_INTERNAL, "can't tell where this program lies: %s", out);
	*slash = '\0';
	return 0;
}

static int find_module(const char *name, char out[FOUND_MAX], struct err *err)
{
	char folder[PATH_MAX];

	if (program_folder(folder, err))
		return -1;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(out, FOUND_MAX, "%s/%s/imagelabel-%s.so", folder, folders[i], name);
		if (access(out, F_OK) == 0)
			return 0;
	}
	return err_set(err, ERR_INTERNAL, "the module imagelabel-%s.so is missing beside %s", name, folder);
}

static int find_program(const char *name, char out[FOUND_MAX], struct err *err)
{
	static const char *const beside[] = {".", "../bin", "../../bin"};
	char folder[PATH_MAX];

	if (program_folder(folder, err))
		return -1;
	for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
		snprintf(out, FOUND_MAX, "%s/%s/%s", folder, beside[i], name);
		if (access(out, X_OK) == 0)
			return 0;
	}
	return err_set(err, ERR_INTERNAL, "the program %s is missing beside %s", name, folder);
}

static int open_found(const char *path, struct err *err)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);

	return file < 0 ? err_errno(err, ERR_UNAVAILABLE, "%s cannot be opened", path) : file;
}

int module_open(const char *name, struct err *err)
{
	char path[FOUND_MAX];

	return find_module(name, path, err) ? -1 : open_found(path, err);
}

int module_open_program(const char *name, struct err *err)
{
	char path[FOUND_MAX];

	return find_program(name, path, err) ? -1 : open_found(path, err);
}

static const void *symbol_at(const char *path, const char *name, const char *symbol, struct err *err)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE); /* each time the same, counted by the loader */

	if (!handle) {
		err_set(err, ERR_INTERNAL, "can't load the module '%s': %s", name, dlerror());
		return NULL;
	}
	const void *address = dlsym(handle, symbol);
	if (!address)
		err_set(err, ERR_INTERNAL, "the module '%s' lacks %s: it is of another version", name,
		        symbol);
	return address;
}

const void *module_symbol_in(int file, const char *name, const char *symbol, struct err *err)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	return symbol_at(path, name, symbol, err);
}

const void *module_symbol(const char *name, const char *symbol, struct err *err)
{
	char path[FOUND_MAX];

	return find_module(name, path, err) ? NULL : symbol_at(path, name, symbol, err);
}
