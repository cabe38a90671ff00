package org.apache.hadoop.hive.llap.security;

/** Named in the class that describes a task's work; nothing here is signed. */
public interface LlapSigner {
  interface Signable {}
}
