package athenaflow;

import java.io.File;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.URI;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;

/** {@code s3://bucket/key} as the file {@code bucket/key} below a folder, so that DDL runs unchanged. */
public final class LocalS3 extends RawLocalFileSystem {
  static final String ROOT = "athenaflow.s3.root";

  private URI bucket; // null as long as the constructor of the class above runs

  @Override
  public void initialize(URI uri, Configuration conf) throws IOException {
    bucket = URI.create(uri.getScheme() + "://" + uri.getAuthority());
    super.initialize(bucket, conf);
    mkdirs(new Path("/")); // whatever is asked for, the bucket is there
  }

  @Override
  public URI getUri() {
    return bucket == null ? super.getUri() : bucket;
  }

  @Override
  public File pathToFile(Path path) {
    File folder = new File(getConf().get(ROOT), bucket.getAuthority());
    return new File(folder, path.toUri().getPath());
  }

  @Override
  public FileStatus getFileStatus(Path path) throws IOException {
    File file = pathToFile(path);
    if (!file.exists()) {
      throw new FileNotFoundException(path.toString());
    }
    return new FileStatus(
        file.length(), file.isDirectory(), 1, 1L << 27, file.lastModified(), makeQualified(path));
  }

  @Override
  public FileStatus[] listStatus(Path path) throws IOException {
    FileStatus own = getFileStatus(path);
    if (own.isFile()) {
      return new FileStatus[] {own};
    }
    String[] names = pathToFile(path).list();
    FileStatus[] found = new FileStatus[names.length];
    for (int i = 0; i < names.length; i++) {
      found[i] = getFileStatus(new Path(path, names[i]));
    }
    return found;
  }
}
