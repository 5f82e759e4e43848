/* The module "image". */
#include "base/module.h"
#include "image/reading.h"

MODULE_EXPORT extern const struct image_module image_module;
const struct image_module image_module = {reading_check, reading_thumb, reading_can};
