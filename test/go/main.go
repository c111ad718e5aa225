// Says what Go itself does, for test/lab/go.test.ts to hold the tool against: JSON lines in, one JSON line out for each.
//
//	go proxy     {"environment": {…}, "url": …}                          what http.ProxyFromEnvironment says
//	go verify    {"address": …, "host": …, "roots": file}                a TLS handshake, and what crypto/x509 says
//	             {"chain": file, "host": …, "roots": file, "time": …}    the same of a file, at a time
//	go resolve   {"name": …}                                             net.Resolver with PreferGo
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"sort"
	"strings"
	"time"
)

func main() {
	commands := map[string]func(line []byte) interface{}{
		"proxy-here": decoded(proxyHere),
		"verify":     decoded(verify),
		"resolve":    decoded(resolve),
	}
	if len(os.Args) != 2 {
		fail(errors.New("usage: go proxy|verify|resolve|version"))
	}
	switch name := os.Args[1]; {
	case name == "version":
		fmt.Println(runtime.Version())
	case name == "proxy":
		proxies()
	case commands[name] != nil:
		for _, line := range lines() {
			write(commands[name](line))
		}
	default:
		fail(fmt.Errorf("no command %q", name))
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func lines() [][]byte {
	var all [][]byte
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, 1<<24)
	for input.Scan() {
		all = append(all, append([]byte(nil), input.Bytes()...))
	}
	return all
}

func write(answer interface{}) {
	text, err := json.Marshal(answer)
	if err != nil {
		fail(err)
	}
	fmt.Println(string(text))
}

func read(line []byte, question interface{}) {
	if err := json.Unmarshal(line, question); err != nil {
		fail(err)
	}
}

func decoded[Q any, A any](answer func(Q) A) func([]byte) interface{} {
	return func(line []byte) interface{} {
		var question Q
		read(line, &question)
		return answer(question)
	}
}

// --- proxies --------------------------------------------------------------------------------------------------------

type proxyQuestion struct {
	Environment map[string]string `json:"environment"`
	URL         string            `json:"url"`
}

type proxyAnswer struct {
	// "direct", "proxy", "refused"; "no request" where the URL is none.
	Via      string  `json:"via"`
	Scheme   string  `json:"scheme"`
	Host     string  `json:"host"`
	Port     string  `json:"port"`
	User     *string `json:"user"`
	Password *string `json:"password"`
}

// net/http reads the environment once a process: each environment gets a process of its own.
func proxies() {
	all := lines()
	answers := make([]json.RawMessage, len(all))
	byEnvironment := map[string][]int{}
	environments := map[string][]string{}
	for index, line := range all {
		var question proxyQuestion
		read(line, &question)
		variables := []string{}
		for name, value := range question.Environment {
			variables = append(variables, name+"="+value)
		}
		sort.Strings(variables)
		key := strings.Join(variables, "\x00")
		byEnvironment[key] = append(byEnvironment[key], index)
		environments[key] = variables
	}
	for key, indexes := range byEnvironment {
		var input bytes.Buffer
		for _, index := range indexes {
			input.Write(all[index])
			input.WriteByte('\n')
		}
		command := exec.Command(os.Args[0], "proxy-here")
		command.Env = environments[key]
		command.Stdin = &input
		command.Stderr = os.Stderr
		output, err := command.Output()
		if err != nil {
			fail(err)
		}
		for at, line := range bytes.Split(bytes.TrimSpace(output), []byte("\n")) {
			answers[indexes[at]] = line
		}
	}
	for _, answer := range answers {
		write(answer)
	}
}

func proxyHere(question proxyQuestion) proxyAnswer {
	request, err := http.NewRequest("GET", question.URL, nil)
	if err != nil {
		return proxyAnswer{Via: "no request"}
	}
	proxy, err := http.ProxyFromEnvironment(request)
	if err != nil {
		return proxyAnswer{Via: "refused"}
	}
	if proxy == nil {
		return proxyAnswer{Via: "direct"}
	}
	answer := proxyAnswer{Via: "proxy", Scheme: proxy.Scheme, Host: proxy.Hostname(), Port: proxy.Port()}
	if proxy.User != nil {
		name := proxy.User.Username()
		password, _ := proxy.User.Password()
		answer.User, answer.Password = &name, &password
	}
	return answer
}

// --- certificates ---------------------------------------------------------------------------------------------------

type verifyQuestion struct {
	Address string `json:"address"`
	Chain   string `json:"chain"`
	Host    string `json:"host"`
	Roots   string `json:"roots"`
	Time    string `json:"time"`
}

type verifyAnswer struct {
	// "": good. Else "early", "late" (and whose dates), "host", "no-names", "signer", "usage", "constraint",
	// "unreadable", "handshake", "other".
	Class   string `json:"class"`
	Above   bool   `json:"above"`
	Message string `json:"message"`
}

func verify(question verifyQuestion) verifyAnswer {
	content, err := os.ReadFile(question.Roots)
	if err != nil {
		fail(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(content)
	now := time.Now()
	if question.Time != "" {
		if now, err = time.Parse(time.RFC3339, question.Time); err != nil {
			fail(err)
		}
	}
	if question.Address != "" {
		return judge(shake(question, roots), now)
	}
	return judge(verifyFile(question, roots, now), now)
}

// As net/http does it: the host of the URL is the server's name, and what TLS leaves out of SNI is TLS's business.
func shake(question verifyQuestion, roots *x509.CertPool) error {
	connection, err := net.DialTimeout("tcp", question.Address, 5*time.Second)
	if err != nil {
		fail(err)
	}
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(5 * time.Second))
	return tls.Client(connection, &tls.Config{ServerName: question.Host, RootCAs: roots}).Handshake()
}

func verifyFile(question verifyQuestion, roots *x509.CertPool, now time.Time) error {
	content, err := os.ReadFile(question.Chain)
	if err != nil {
		fail(err)
	}
	var certificates []*x509.Certificate
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return err
		}
		certificates = append(certificates, certificate)
	}
	intermediates := x509.NewCertPool()
	for _, certificate := range certificates[1:] {
		intermediates.AddCert(certificate)
	}
	options := x509.VerifyOptions{Roots: roots, Intermediates: intermediates, DNSName: question.Host, CurrentTime: now}
	_, err = certificates[0].Verify(options)
	return err
}

func judge(err error, now time.Time) verifyAnswer {
	if err == nil {
		return verifyAnswer{}
	}
	answer := verifyAnswer{Class: "other", Message: err.Error()}
	var invalid x509.CertificateInvalidError
	var host x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var critical x509.UnhandledCriticalExtension
	switch {
	case errors.As(err, &invalid):
		answer.Above = invalid.Cert.IsCA
		switch invalid.Reason {
		case x509.Expired:
			answer.Class = "late"
			if now.Before(invalid.Cert.NotBefore) {
				answer.Class = "early"
			}
		case x509.IncompatibleUsage:
			answer.Class = "usage"
		case x509.CANotAuthorizedForThisName, x509.UnconstrainedName, x509.NotAuthorizedToSign, x509.TooManyIntermediates:
			answer.Class = "constraint"
		}
	case errors.As(err, &host):
		answer.Class = "host"
		certificate := host.Certificate
		if len(certificate.DNSNames)+len(certificate.IPAddresses)+len(certificate.EmailAddresses)+len(certificate.URIs) == 0 {
			answer.Class = "no-names"
		}
	case errors.As(err, &unknown):
		answer.Class = "signer"
	case errors.As(err, &critical):
		answer.Class = "constraint"
	case strings.Contains(answer.Message, "failed to parse certificate"), strings.HasPrefix(answer.Message, "x509: "):
		answer.Class = "unreadable"
	case strings.HasPrefix(answer.Message, "tls: "), strings.HasPrefix(answer.Message, "remote error: "):
		answer.Class = "handshake"
	}
	return answer
}

// --- names ----------------------------------------------------------------------------------------------------------

type resolveQuestion struct {
	Name string `json:"name"`
}

type resolveAnswer struct {
	// Sorted.
	Addresses []string `json:"addresses"`
	// "" with addresses; else "not-found", "timeout", "misbehaving", "no-service", "other".
	Class   string `json:"class"`
	Message string `json:"message"`
}

func resolve(question resolveQuestion) resolveAnswer {
	resolver := net.Resolver{PreferGo: true}
	found, err := resolver.LookupIPAddr(context.Background(), question.Name)
	answer := resolveAnswer{Addresses: []string{}}
	for _, address := range found {
		answer.Addresses = append(answer.Addresses, address.String())
	}
	sort.Strings(answer.Addresses)
	if err == nil {
		return answer
	}
	answer.Class, answer.Message = "other", err.Error()
	var failure *net.DNSError
	if errors.As(err, &failure) {
		switch {
		case failure.IsNotFound:
			answer.Class = "not-found"
		case failure.IsTimeout:
			answer.Class = "timeout"
		case strings.Contains(failure.Err, "misbehaving"):
			answer.Class = "misbehaving"
		case strings.Contains(failure.Err, "connection refused"):
			answer.Class = "no-service"
		}
	}
	return answer
}
