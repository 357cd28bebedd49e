/** The page: the screens for people, shown inside Kitsu, and the sign-in without Kitsu. */
package studio.actions.page;
