package main

import (
	"fmt"
	"os"
	"strings"
)

// resident is the physical memory of a process in MB of 1,000,000 bytes.
func resident(pid int) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("measure memory, which only Linux tells: %w", err)
	}
	return residentIn(string(status))
}

// residentIn reads the line "VmRSS:  12345 kB" of proc_pid_status(5).
func residentIn(status string) (float64, error) {
	for line := range strings.Lines(status) {
		var kibibytes float64
		if _, err := fmt.Sscanf(line, "VmRSS: %f kB", &kibibytes); err == nil {
			return kibibytes * 1024 / 1e6, nil
		}
	}
	return 0, fmt.Errorf("measure memory: no VmRSS in\n%s", status)
}
