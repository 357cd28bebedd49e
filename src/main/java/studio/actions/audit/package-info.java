/** Who did what to which action or run, from which address, with which result. */
package studio.actions.audit;
