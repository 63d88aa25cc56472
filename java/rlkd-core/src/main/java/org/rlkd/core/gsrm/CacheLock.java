package org.rlkd.core.gsrm;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Who may write a cache: the one that locked its file first, until it closes or ends however it
 * ends. Others read what is there and keep their own entries in memory.
 */
final class CacheLock implements AutoCloseable {
  private final FileChannel channel;

  private CacheLock(FileChannel channel) {
    this.channel = channel;
  }

  /** Opens or creates a file and tries to lock it; does not wait. */
  static CacheLock of(Path file) throws IOException {
    FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    FileLock lock = null;
    try {
      lock = channel.tryLock();
    } catch (OverlappingFileLockException e) {
      // held in this process
    } catch (IOException e) {
      channel.close();
      throw e;
    }
    if (lock == null) {
      channel.close();
    }
    return new CacheLock(lock == null ? null : channel);
  }

  /** Whether the holder may write. */
  boolean writer() {
    return channel != null;
  }

  /** The locked file; null if the holder may not write. */
  FileChannel channel() {
    return channel;
  }

  /** Closes the file, which ends the lock. */
  @Override
  public void close() throws IOException {
    if (channel != null) {
      channel.close();
    }
  }
}
