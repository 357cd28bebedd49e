/** Filters before and after the resource methods: guards, limits of bodies, checks of parameters, headers and problems. */
package studio.actions.http;
