/** A failure that its message explains; shown without a stack. */
export class ScriptError extends Error {
  /**
   * @param {string} message
   * @param {number} [status] exit status of the script
   */
  constructor(message, status = 125) {
    super(message);
    this.status = status;
  }
}
