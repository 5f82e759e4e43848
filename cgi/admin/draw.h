/* `admin draw`: draws the demo's pictures. */
#ifndef ADMIN_DRAW_H
#define ADMIN_DRAW_H

/* argv[0] is the word `draw`, argv[1] a folder that exists: it gets picture-01.png to picture-40.png, each a
 * circle, square, triangle, star or heart, always the same. A file that is there is left. Returns the exit
 * status. */
int admin_draw(int argc, char **argv);

#endif
