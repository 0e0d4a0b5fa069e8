package s3

import (
	"crypto/md5" // S3's ETag
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	maxName = 250      // bytes of a file's name; S3 takes keys of 1024
	maxBody = 16 << 20 // bytes of one object
)

// encode makes a key one file's name.
func encode(key string) string { return url.PathEscape(key) }

func (s *Server) path(bucket, key string) string {
	return filepath.Join(s.dir, bucket, "="+encode(key)) // "=" keeps "." and ".." from being folders
}

func etag(body []byte) string {
	sum := md5.Sum(body)
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

func (s *Server) put(w http.ResponseWriter, r *http.Request, bucket, key string) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return failure{http.StatusBadRequest, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size."}
	}
	if err := checkSum(r.Header, body); err != nil {
		return err
	}
	err = s.create(s.path(bucket, key), body)
	if errors.Is(err, fs.ErrExist) {
		if r.Header.Get("If-None-Match") == "*" {
			return failure{http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold"}
		}
		return locked()
	}
	if err != nil {
		return err
	}
	w.Header().Set("ETag", etag(body))
	return nil
}

// create writes a file whole or not at all, and only if there is none.
func (s *Server) create(path string, body []byte) error {
	draft, err := os.CreateTemp(s.dir, "draft-")
	if err != nil {
		return err
	}
	defer os.Remove(draft.Name())
	_, err = draft.Write(body)
	if err = errors.Join(err, draft.Close()); err != nil {
		return err
	}
	return os.Link(draft.Name(), path)
}

// checkSum demands what a bucket with Object Lock demands, a checksum, and holds the body against it.
func checkSum(header http.Header, body []byte) error {
	if header.Get("X-Amz-Trailer") != "" || strings.Contains(header.Get("Content-Encoding"), "aws-chunked") {
		return failure{http.StatusNotImplemented, "NotImplemented", "the local S3 endpoint takes no aws-chunked bodies: the SDK sends them over https only"}
	}
	sums := map[string]hash.Hash{"x-amz-checksum-sha256": sha256.New(), "x-amz-checksum-crc32": crc32.NewIEEE(), "Content-MD5": md5.New()}
	checked := false
	for name, sum := range sums {
		got := header.Get(name)
		if got == "" {
			continue
		}
		_, _ = sum.Write(body) // a hash takes everything
		if got != base64.StdEncoding.EncodeToString(sum.Sum(nil)) {
			return failure{http.StatusBadRequest, "BadDigest", "The " + name + " you specified did not match the calculated checksum."}
		}
		checked = true
	}
	if checked {
		return nil
	}
	return failure{http.StatusBadRequest, "InvalidRequest", "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters"}
}

func (s *Server) get(w http.ResponseWriter, bucket, key string) error {
	path := s.path(bucket, key)
	body, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return failure{http.StatusNotFound, "NoSuchKey", "The specified key does not exist."}
	}
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("ETag", etag(body))
	w.Header().Set("Last-Modified", info.ModTime().UTC().Format(http.TimeFormat))
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // the caller has gone: nothing is left to tell it
	return nil
}

// listing is the answer of ListObjectsV2.
type listing struct {
	XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
	Name                  string
	Prefix                string
	KeyCount              int
	MaxKeys               int
	IsTruncated           bool
	NextContinuationToken string `xml:",omitempty"`
	Contents              []listed
}

type listed struct {
	Key          string
	LastModified string
	ETag         string
	Size         int
	StorageClass string
}

// list gives keys in the order of their bytes. The continuation token is the last key of the page before.
func (s *Server) list(w http.ResponseWriter, r *http.Request, bucket string) error {
	query := r.URL.Query()
	most := 1000
	if text := query.Get("max-keys"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return failure{http.StatusBadRequest, "InvalidArgument", "Provided max-keys not an integer or within integer range"}
		}
		most = min(most, n)
	}
	keys, err := s.keys(bucket, query.Get("prefix"), max(query.Get("continuation-token"), query.Get("start-after")))
	if err != nil {
		return err
	}
	out := listing{Name: bucket, Prefix: query.Get("prefix"), MaxKeys: most}
	if len(keys) > most {
		keys = keys[:most]
		if most > 0 { // of none asked for there is no next page
			out.IsTruncated, out.NextContinuationToken = true, keys[most-1]
		}
	}
	for _, key := range keys {
		path := s.path(bucket, key)
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		out.Contents = append(out.Contents, listed{
			Key: key, LastModified: info.ModTime().UTC().Format("2006-01-02T15:04:05.000Z"), ETag: etag(body), Size: len(body), StorageClass: "STANDARD",
		})
	}
	out.KeyCount = len(keys)
	writeXML(w, http.StatusOK, out)
	return nil
}

// keys gives those that start with prefix and come after a key, in order.
func (s *Server) keys(bucket, prefix, after string) ([]string, error) {
	files, err := os.ReadDir(filepath.Join(s.dir, bucket))
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, file := range files {
		key, err := url.PathUnescape(strings.TrimPrefix(file.Name(), "="))
		if err != nil {
			return nil, fmt.Errorf("the bucket %s holds the file %s, which is no object: %w", bucket, file.Name(), err)
		}
		if strings.HasPrefix(key, prefix) && key > after {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys, nil
}
