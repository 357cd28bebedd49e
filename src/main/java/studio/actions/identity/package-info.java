/** The caller: role, credential and address, and the admin's token without Kitsu. */
package studio.actions.identity;
