// Static stands in for a busybox without libraries.
package main

func main() {}
