/** The image files of messages. */
export interface ImageFiles {
  /**
   * Deletes the file of a message that has its outcome. Never rejects: what can't be deleted now is deleted at the next
   * start.
   */
  release(path: string): Promise<void>;
}
