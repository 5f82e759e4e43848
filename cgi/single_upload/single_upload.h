/* The handler of the single_upload program. */
#ifndef SINGLE_UPLOAD_H
#define SINGLE_UPLOAD_H

#include "fastcgi/app.h"

app_handler single_upload_post;

#endif
