package dialect

import (
	"fmt"
	"strings"

	"syslog-gateway/internal/matcher"
	"syslog-gateway/internal/suggest"
)

// ClassID numbers a class: its index in [Classes].
type ClassID uint16

// The classes. The table classes describes them; internal/splunk has their names there.
const (
	Fallback ClassID = iota

	UniFiDevice
	UniFiFirewall
	UniFiThreat
	UniFiLink
	UniFiDHCP
	UniFiDNS
	UniFiMCAD
	UniFiSudo
	UniFiHostapd
	UniFiWireless
	UniFiEdgeSwitch
	UniFiNetconsole
	UniFiCEF
	UniFiOSCEF
	UniFiProtectCEF

	PANTraffic
	PANThreat
	PANSystem
	PANConfig
	PANHIPMatch
	PANCorrelation
	PANUserID
	PANGlobalProtect
	PANDecryption
	PANAuth
	PANLog
	PANCEF
	PANLEEF
	PANJSON
	PANTraps
	PANXSOAR

	CiscoASA
	CiscoFTD
	CiscoPIX
	CiscoFWSM
	CiscoIOS
	CiscoFirepower

	LinuxSyslog
	LinuxSecure
	LinuxAudit

	WindowsXML
	WindowsSnare
	WindowsNXLogJSON
	WindowsCEF
	WindowsCEFApp
	WindowsCEFCAS
	WindowsCEFArcSight
	WindowsCEFOther
	WindowsSyslog

	classCount
)

// Class is a kind of message that Splunk keeps apart.
type Class struct {
	// ID is the index of the class in Classes.
	ID ClassID
	// Name is unique and in snake_case: the key in the configuration and the value of
	// the event field "class".
	Name string
	// Product is the value of the event field "vendor_product".
	Product string
	// Family is the name of the vendor family, as New takes it; empty for Fallback and for
	// the classes of packs.
	Family string
	// Pack describes a class of a pack; nil for the classes of the built-in families.
	Pack *matcher.Class
}

// The families, as New and the configuration key sources.*.vendor name them.
const (
	familyUniFi   = "unifi"
	familyPAN     = "palo_alto"
	familyCisco   = "cisco_asa"
	familyLinux   = "linux"
	familyWindows = "windows"
)

// Auto is the name of a port that all families send to.
const Auto = "auto"

// The products of classes that share one.
const (
	productUniFi   = "ubiquiti_unifi"
	productPAN     = "paloalto_panos"
	productLinux   = "linux_syslog"
	productWindows = "microsoft_windows"
)

// classes describes every class. The ID is the index.
var classes = [classCount]Class{
	Fallback: {Name: "fallback", Product: "unknown"},

	UniFiDevice:     {Name: "unifi_device", Product: productUniFi, Family: familyUniFi},
	UniFiFirewall:   {Name: "unifi_firewall", Product: productUniFi, Family: familyUniFi},
	UniFiThreat:     {Name: "unifi_threat", Product: productUniFi, Family: familyUniFi},
	UniFiLink:       {Name: "unifi_link", Product: productUniFi, Family: familyUniFi},
	UniFiDHCP:       {Name: "unifi_dhcp", Product: productUniFi, Family: familyUniFi},
	UniFiDNS:        {Name: "unifi_dns", Product: productUniFi, Family: familyUniFi},
	UniFiMCAD:       {Name: "unifi_mcad", Product: productUniFi, Family: familyUniFi},
	UniFiSudo:       {Name: "unifi_sudo", Product: productUniFi, Family: familyUniFi},
	UniFiHostapd:    {Name: "unifi_hostapd", Product: productUniFi, Family: familyUniFi},
	UniFiWireless:   {Name: "unifi_wireless", Product: productUniFi, Family: familyUniFi},
	UniFiEdgeSwitch: {Name: "unifi_edgeswitch", Product: productUniFi, Family: familyUniFi},
	UniFiNetconsole: {Name: "unifi_netconsole", Product: productUniFi, Family: familyUniFi},
	UniFiCEF:        {Name: "unifi_cef", Product: productUniFi, Family: familyUniFi},
	UniFiOSCEF:      {Name: "unifi_os_cef", Product: productUniFi, Family: familyUniFi},
	UniFiProtectCEF: {Name: "unifi_protect_cef", Product: productUniFi, Family: familyUniFi},

	PANTraffic:       {Name: "pan_traffic", Product: productPAN, Family: familyPAN},
	PANThreat:        {Name: "pan_threat", Product: productPAN, Family: familyPAN},
	PANSystem:        {Name: "pan_system", Product: productPAN, Family: familyPAN},
	PANConfig:        {Name: "pan_config", Product: productPAN, Family: familyPAN},
	PANHIPMatch:      {Name: "pan_hipmatch", Product: productPAN, Family: familyPAN},
	PANCorrelation:   {Name: "pan_correlation", Product: productPAN, Family: familyPAN},
	PANUserID:        {Name: "pan_userid", Product: productPAN, Family: familyPAN},
	PANGlobalProtect: {Name: "pan_globalprotect", Product: productPAN, Family: familyPAN},
	PANDecryption:    {Name: "pan_decryption", Product: productPAN, Family: familyPAN},
	PANAuth:          {Name: "pan_auth", Product: productPAN, Family: familyPAN},
	PANLog:           {Name: "pan_log", Product: productPAN, Family: familyPAN},
	PANCEF:           {Name: "pan_cef", Product: productPAN, Family: familyPAN},
	PANLEEF:          {Name: "pan_leef", Product: productPAN, Family: familyPAN},
	PANJSON:          {Name: "pan_json", Product: productPAN, Family: familyPAN},
	PANTraps:         {Name: "pan_traps", Product: "paloalto_traps", Family: familyPAN},
	PANXSOAR:         {Name: "pan_xsoar", Product: "paloalto_xsoar", Family: familyPAN},

	CiscoASA:       {Name: "cisco_asa", Product: "cisco_asa", Family: familyCisco},
	CiscoFTD:       {Name: "cisco_ftd", Product: "cisco_ftd", Family: familyCisco},
	CiscoPIX:       {Name: "cisco_pix", Product: "cisco_pix", Family: familyCisco},
	CiscoFWSM:      {Name: "cisco_fwsm", Product: "cisco_fwsm", Family: familyCisco},
	CiscoIOS:       {Name: "cisco_ios", Product: "cisco_ios", Family: familyCisco},
	CiscoFirepower: {Name: "cisco_firepower", Product: "cisco_firepower", Family: familyCisco},

	LinuxSyslog: {Name: "linux_syslog", Product: productLinux, Family: familyLinux},
	LinuxSecure: {Name: "linux_secure", Product: productLinux, Family: familyLinux},
	LinuxAudit:  {Name: "linux_audit", Product: productLinux, Family: familyLinux},

	WindowsXML:         {Name: "windows_xml", Product: productWindows, Family: familyWindows},
	WindowsSnare:       {Name: "windows_snare", Product: productWindows, Family: familyWindows},
	WindowsNXLogJSON:   {Name: "windows_nxlog_json", Product: productWindows, Family: familyWindows},
	WindowsCEF:         {Name: "windows_cef", Product: productWindows, Family: familyWindows},
	WindowsCEFApp:      {Name: "windows_cef_app", Product: productWindows, Family: familyWindows},
	WindowsCEFCAS:      {Name: "windows_cef_cas", Product: productWindows, Family: familyWindows},
	WindowsCEFArcSight: {Name: "windows_cef_arcsight", Product: productWindows, Family: familyWindows},
	WindowsCEFOther:    {Name: "windows_cef_other", Product: productWindows, Family: familyWindows},
	WindowsSyslog:      {Name: "windows_syslog", Product: productWindows, Family: familyWindows},
}

// Classes returns the classes of the built-in families and those of the packs, which may be
// nil; the index is the ClassID.
func Classes(packs *matcher.Set) []Class {
	all := make([]Class, int(classCount)+len(packs.Classes()))
	for i := range all {
		all[i] = classOf(packs, ClassID(i))
	}
	return all
}

// classOf returns a class of a built-in family or of the packs, which must exist.
func classOf(packs *matcher.Set, id ClassID) Class {
	if id < FirstPackClass {
		return id.Class()
	}
	c := &packs.Classes()[id-FirstPackClass]
	return Class{ID: id, Name: c.Name, Product: productOf(c), Pack: c}
}

// productOf returns the value of the field vendor_product of a class of a pack.
func productOf(c *matcher.Class) string {
	name := strings.Trim(c.Names.Vendor+"_"+c.Names.Product, "_")
	return strings.ReplaceAll(strings.ToLower(name), " ", "_")
}

// Class returns the description of a class of a built-in family, which must exist.
func (id ClassID) Class() Class {
	c := classes[id]
	c.ID = id
	return c
}

// String returns the name of a class of a built-in family.
func (id ClassID) String() string {
	if id >= classCount {
		return "unknown"
	}
	return classes[id].Name
}

// Unknown returns the error about a name that is no class of these. It suggests three that
// are like it.
func Unknown(name string, classes []Class) error {
	known := make([]string, len(classes))
	for i := range classes {
		known[i] = classes[i].Name
	}
	near := suggest.Closest(name, known, 3)
	return fmt.Errorf("%q is not a class: did you mean %s, %s or %s?", name, near[0], near[1], near[2])
}
