/** The variable whose type is the struct of an event's fields. */
export const EVENT_VARIABLE = '__ipft_event_struct';
