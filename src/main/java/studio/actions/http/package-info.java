/** What every HTTP request passes before and after its resource: guards, limits of bodies, parameters and problems. */
package studio.actions.http;
