/* The handlers of the images program. */
#ifndef IMAGES_H
#define IMAGES_H

#include "fastcgi/app.h"

app_handler images_put, images_post;

#endif
