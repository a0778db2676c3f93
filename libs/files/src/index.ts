export { createFileSigner, type FileSigner } from './file-signer.ts'
export { FileKeyRefused, type Files, type FilesOptions, openFiles, type StoredFile } from './files.ts'
